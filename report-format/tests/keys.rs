//! Keys have ids, and files that say what they hold; what is no key is refused, and never repeated.
#![cfg(feature = "seal")]

use report_format::{
    Error,
    seal::{self, Date, KeyId, Recipients, SecretKey, StoredKey},
};

fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

#[test]
fn files_of_keys_say_what_they_hold_and_read_back() {
    let stored = |label: &str, created: Option<&str>, expires: Option<&str>| StoredKey {
        secret: SecretKey::generate(),
        label: label.into(),
        created: created.map(date),
        expires: expires.map(date),
    };
    let keys = [
        stored("support, triage", Some("2026-11-23"), Some("2027-12-31")),
        stored("", None, None),
        stored("# a: b", None, None),
    ];
    let text: String = keys.iter().map(|key| key.text().to_string()).collect();
    for (read, written) in StoredKey::parse(&text).expect("a file of keys").iter().zip(&keys) {
        assert_eq!(read.secret.id(), written.secret.id());
        assert_eq!((&read.label, read.created, read.expires), (&written.label, written.created, written.expires));
    }
    assert!(text.contains(&format!("# key id: {}\n", keys[0].secret.id())));
    assert!(!format!("{keys:?}").contains("AGE-SECRET"));
}

#[test]
fn the_id_of_a_key_is_what_the_norm_says() {
    use sha2::Digest;
    let key = SecretKey::generate();
    let text = key.public().to_string();
    assert!(text.starts_with("age1") && text == text.to_lowercase());
    assert_eq!(key.id().0, sha2::Sha256::digest(text.as_bytes())[..8]);
    assert_eq!(KeyId([0, 1, 2, 3, 4, 5, 6, 0xff]).to_string(), "00010203040506ff");
}

#[test]
fn what_is_no_file_of_keys_is_refused_without_repeating_it() {
    let key = SecretKey::generate();
    let text = key.expose().to_string();
    let public = key.public().to_string();
    let wrong_id = format!("# key id: 0000000000000000\n{text}\n");
    let changed = text.replacen("AGE-SECRET-KEY-1Q", "AGE-SECRET-KEY-1P", 1) + "Q";
    let bad_date = format!("# expires: tomorrow\n{text}\n");
    for bad in ["", "# only a comment\n", &public, &changed, &wrong_id, &bad_date, &format!("{text} {text}")] {
        let error = StoredKey::parse(bad).expect_err("no file of keys").to_string();
        assert!(!error.contains("AGE-SECRET-KEY-1Q") && !error.contains(&text[20..40]), "{error}");
    }
    assert!(matches!(StoredKey::parse(&" ".repeat(1 << 20)), Err(Error::Limit { .. })));
    let many: String = (0..600).map(|_| format!("{text}\n")).collect();
    assert!(StoredKey::parse(&many).is_ok());

    for bad in [
        "",
        "triage",
        "triage age1",
        &format!("memory {public}"),
        &format!("triage {public} {public}"),
        &format!("triage {public}  # expires 2026-02-30"),
        &format!("triage {public}\ntriage {public}"),
    ] {
        assert!(Recipients::parse(bad).is_err(), "{bad}");
    }
    let secret = Recipients::parse(&format!("# keys\ntriage {text}")).expect_err("a secret key").to_string();
    assert!(secret.starts_with("line 2: this is a secret key") && !secret.contains(&text[20..40]), "{secret}");
}

#[test]
fn keys_that_everybody_could_open_are_refused() {
    use bech32::ToBase32;
    for point in [[0; 32], std::array::from_fn(|at| u8::from(at == 0))] {
        let text = bech32::encode("age", point.to_base32(), bech32::Variant::Bech32).expect("a text");
        let error = text.parse::<seal::PublicKey>().expect_err("a point of low order").to_string();
        assert!(error.contains("everybody"), "{error}");
    }
}
