//! The emergency stop: no deployment starts until an operator ends it.

use super::Block;
use crate::schedule::wake::StopInput;

/// Blocks while everything is stopped.
#[must_use]
pub fn block(stop: &StopInput) -> Block {
    Block::by(format!("{}; nothing starts until release-all", stop.text()))
}

/// Blocks if it is unknown whether everything is stopped.
#[must_use]
pub fn unreadable(error: &str) -> Block {
    Block::unreadable(format!("it is unreadable whether an operator stopped all deployments: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instant;

    #[test]
    fn a_stop_blocks_with_its_reason_and_what_is_unreadable_blocks_as_well() {
        let stop = StopInput {
            since: Some(instant("2026-11-24T10:00:00Z")),
            reason: Some("outage".into()),
            ticket: Some("INC7".into()),
        };
        let expected = "an operator stopped all deployments on Tue 24 Nov 2026 10:00 UTC (INC7, outage); nothing starts until \
                        release-all";
        assert_eq!(block(&stop).reason, expected);
        let by_hand = block(&StopInput::default());
        assert_eq!(by_hand.reason, "an operator stopped all deployments; nothing starts until release-all");
        assert!(!by_hand.unreadable && unreadable("no").unreadable);
    }
}
