//! `reporter-handler --what-is-collected`, as who writes a vendor's policy page runs it.

use std::process::{Command, Output, Stdio};

fn handler(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reporter-handler")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn printed(argument: &str) -> String {
    let output = handler(&[argument]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_statement_comes_as_text_as_json_and_as_markdown() {
    let text = printed("--what-is-collected");
    assert!(text.contains("system.os.version: faults of one version (such as 12)"), "{text}");
    assert_eq!(text, printed("--what-is-collected=text"));
    let json: serde_json::Value = serde_json::from_str(&printed("--what-is-collected=json")).unwrap();
    let screen = json["categories"].as_array().unwrap().iter().find(|category| category["name"] == "screen").unwrap();
    assert_eq!((&screen["off_until_chosen"], &screen["facts"][0]["rows"][0]), (&true.into(), &"I1".into()));
    assert!(printed("--what-is-collected=markdown").contains("\n## An image of your desktop\n"));
}

#[test]
fn it_is_asked_for_alone_and_in_a_form_that_there_is() {
    for arguments in [&["--what-is-collected=xml"][..], &["--what-is-collected", "--serve"], &[]] {
        let output = handler(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
