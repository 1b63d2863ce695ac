//! Mutable image tags: a forced deployment resolves them again and may ship new code.

/// A container of a task definition, with its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The container name.
    pub name: String,
    /// The image, as written in the task definition.
    pub image: String,
}

/// A warning if a new deployment may run different images. ECS resolves a tag to a digest once for
/// each deployment, so only an image that is pinned by its digest cannot change:
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html#deployment-container-image-stability>
#[must_use]
pub fn warning(containers: &[Container]) -> Option<String> {
    let mutable = containers
        .iter()
        .filter_map(|Container { name, image }| Some(format!("{name}: {}", why_mutable(image)?)));
    let mutable: Vec<String> = mutable.collect();
    (!mutable.is_empty()).then(|| {
        format!(
            "the deployment may ship new code, because not every image is pinned by its digest ({})",
            mutable.join("; ")
        )
    })
}

/// Why an image can change, if it can.
fn why_mutable(image: &str) -> Option<String> {
    if image.contains('@') {
        return None;
    }
    // A colon before the last slash belongs to the port of the registry, not to a tag.
    let name = image.rsplit('/').next().unwrap_or(image);
    Some(match name.split_once(':') {
        None => format!("{image} has no tag, which means latest"),
        Some((_, _)) => format!("{image} is a mutable tag"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_image_with_a_digest_is_immutable() {
        let digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let rows = [
            (format!("example/app{digest}"), None),
            (format!("localhost:5000/app:1.0{digest}"), None),
            ("example/app".to_owned(), Some("example/app has no tag, which means latest")),
            ("localhost:5000/app".to_owned(), Some("localhost:5000/app has no tag, which means latest")),
            ("app:latest".to_owned(), Some("app:latest is a mutable tag")),
            ("localhost:5000/app:1.0".to_owned(), Some("localhost:5000/app:1.0 is a mutable tag")),
        ];
        for (image, expected) in rows {
            assert_eq!(why_mutable(&image).as_deref(), expected, "{image}");
        }
        let container = |name: &str, image: &str| Container { name: name.into(), image: image.into() };
        let pinned = container("web", &format!("app{digest}"));
        assert_eq!(warning(&[]), None);
        assert_eq!(warning(std::slice::from_ref(&pinned)), None);
        assert_eq!(
            warning(&[pinned, container("log", "fluent:2"), container("x", "x")]).unwrap(),
            "the deployment may ship new code, because not every image is pinned by its digest (log: fluent:2 is a mutable \
             tag; x: x has no tag, which means latest)"
        );
    }
}
