//! What holds for all data from outside holds for the samples with which fuzzing starts, and for what it has found.

#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

use std::{fs, path::Path};

#[path = "../../../tests/fuzz/properties/mod.rs"]
mod properties;

#[test]
fn every_sample_of_outside_data_is_handled() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (target, _) in properties::TARGETS {
        let samples = fs::read_dir(root.join("tests/fuzz/corpus").join(target)).expect(target);
        let events = fs::read_dir(root.join("events")).expect("the folder of events");
        let mut checked = 0;
        for file in samples.chain(events) {
            let file = file.expect("a file").path();
            println!("{target}: {}", file.display()); // shown if the next line fails
            properties::check(target, &fs::read(&file).expect("a readable file"));
            checked += 1;
        }
        assert!(checked > 20, "{target} has few samples");
    }
}
