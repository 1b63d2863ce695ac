//! What to change about the permissions if AWS denies a deployment.

/// What to do about an error of a `call` that starts a deployment. `None` if the error is about something else.
#[must_use]
pub fn advice(call: &str, error: &str) -> Option<String> {
    if !matches!(call, "UpdateService" | "CreateDeployment") || !error.starts_with("AccessDenied") {
        return None;
    }
    if error.contains("iam:PassRole") {
        let role = error.split_whitespace().find(|word| word.starts_with("arn:") && word.contains(":role/"));
        let role = role.map_or("ARN_OF_THE_ROLE", |role| role.trim_end_matches(['.', ',']));
        return Some(format!(
            "To allow it, add this statement to the policy of DeployRole in template.yaml, and deploy the stack: \
             {{Sid: PassRoleOfTasks, Effect: Allow, Action: iam:PassRole, Resource: {role}}}"
        ));
    }
    error.contains("ecs:UpdateService").then(|| {
        "If no other policy denies it, remove the Condition of the statement ForceNewDeployments of DeployRole in \
         template.yaml, and deploy the stack"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_deployment_names_the_statement_to_change() {
        let denied = |action: &str, on: &str| {
            format!(
                "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/deploy/x is not authorized to perform: \
                 {action} on resource: {on} because no identity-based policy allows the {action} action"
            )
        };
        let pass = denied("iam:PassRole", "arn:aws:iam::111122223333:role/web-task");
        let statement = "add this statement to the policy of DeployRole in template.yaml, and deploy the stack: {Sid: \
                         PassRoleOfTasks, Effect: Allow, Action: iam:PassRole, Resource: \
                         arn:aws:iam::111122223333:role/web-task}";
        for call in ["UpdateService", "CreateDeployment"] {
            assert_eq!(advice(call, &pass), Some(format!("To allow it, {statement}")));
        }
        let update = denied("ecs:UpdateService", "arn:aws:ecs:eu-west-2:111122223333:service/prod/web");
        let found = advice("UpdateService", &update).expect("advice");
        assert!(found.contains("remove the Condition of the statement ForceNewDeployments"), "{found}");
        assert_eq!(advice("CreateSchedule", &pass), None);
        assert_eq!(advice("UpdateService", "ThrottlingException: Rate exceeded"), None);
        let unknown = advice("UpdateService", "AccessDeniedException: iam:PassRole").expect("advice");
        assert!(unknown.ends_with("Resource: ARN_OF_THE_ROLE}"), "{unknown}");
    }
}
