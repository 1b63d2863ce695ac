//! Notices, people, rollouts and failures at once: what must hold at every moment holds, and each service that a notice
//! names is proven patched or reported by the retirement date.

use interleavings::plots;
use proptest::prelude::*;

proptest! {
    #![proptest_config(super::config(60, 200))]

    #[test]
    fn whatever_happens_nothing_is_lost_doubled_or_wrongly_reported(plot in plots()) {
        let done = plot.run();
        prop_assert!(done.is_ok(), "{}", done.unwrap_err());
    }
}
