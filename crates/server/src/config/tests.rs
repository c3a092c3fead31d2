use super::*;
use std::fs;

const MINIMAL: &str = r#"
public_url = "https://id.example.org"
scheme_name = "smart-id"
[http]
listen = "127.0.0.1:8080"
[database]
file = "smart-id.db"
[[database.column_keys]]
id = 1
key_file = "column.key"
[vault]
file = "vault"
unlock_key_env = "SMART_ID_UNLOCK_KEY"
"#;

fn load(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smart-id.toml");
    fs::write(&path, text).unwrap();
    Config::load(&path).map_err(|error| {
        error
            .to_string()
            .replace(&format!("{}", folder.path().display()), "DIR")
    })
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/config")
        .join(name)
}

#[test]
fn the_sample_is_complete_and_has_the_defaults() {
    let config = Config::load(&sample("serve.toml")).unwrap();
    let mut minimal: Config = toml::from_str(MINIMAL).unwrap();
    assert_eq!(config.limits, minimal.limits);
    minimal.http.listen = config.http.listen;
    minimal.http.proxies = config.http.proxies.clone();
    assert_eq!(config.http, minimal.http);
    assert_eq!(config.database.readers, minimal.database.readers);
    // Every key of the structs stands in the sample: an unmentioned one would be missed by operators.
    let text = fs::read_to_string(sample("serve.toml")).unwrap();
    for key in [
        "public_url",
        "scheme_name",
        "listen",
        "proxies",
        "proxy_header",
        "connections",
        "header_timeout_seconds",
        "body_timeout_seconds",
        "maintenance",
        "certificate_file",
        "file",
        "readers",
        "id",
        "key_file",
        "key_env",
        "unlock_key_file",
        "unlock_key_env",
        "session_seconds",
        "prompts_per_minute",
        "prompts_per_minute_in_all",
        "begins_per_minute",
        "maintenance_per_minute",
        "pooled_halves",
        "registrations_per_minute",
        "registrations_burst",
        "failures_per_minute",
        "failures_burst",
        "requests_per_minute",
        "requests_burst",
    ] {
        assert!(text.contains(&format!("{key} =")), "{key}");
    }
}

#[test]
fn the_table_that_the_sample_leaves_out_is_understood() {
    let text = fs::read_to_string(sample("serve.toml")).unwrap();
    let mut with_tls = text;
    for line in ["[http.tls]", "certificate_file =", "key_file = \"tls.key\""] {
        assert!(with_tls.contains(&format!("\n# {line}")), "{line}");
        with_tls = with_tls.replacen(&format!("\n# {line}"), &format!("\n{line}"), 1);
    }
    let tls = load(&with_tls).unwrap().http.tls.unwrap();
    assert!(tls.certificate_file.is_absolute() && tls.certificate_file.ends_with("tls.pem"));
    assert!(tls.key_file.is_absolute() && tls.key_file.ends_with("tls.key"));
}

#[test]
fn relative_paths_are_taken_from_the_files_folder() {
    let config = Config::load(&sample("serve.toml")).unwrap();
    assert!(config.database.file.is_absolute() || config.database.file.starts_with(sample("")));
    let config = load(MINIMAL).unwrap();
    assert!(config.database.file.ends_with("smart-id.db") && config.database.file.is_absolute());
    assert!(
        matches!(&config.database.column_keys[0].key, SecretSource::File(path) if path.is_absolute())
    );
}

#[test]
fn mistakes_are_named_with_file_line_and_key() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "listen = \"127.0.0.1:8080\"",
            "listen = \"somewhere\"",
            "DIR/smart-id.toml:5: http.listen: ",
        ),
        (
            "listen = \"127.0.0.1:8080\"",
            "listne = \"127.0.0.1:8080\"",
            "DIR/smart-id.toml:5: http.listne: unknown field `listne`",
        ),
        (
            "scheme_name = \"smart-id\"",
            "scheme_name = \"a|b\"",
            "DIR/smart-id.toml:3: scheme_name: expected letters",
        ),
        (
            "https://id.example.org",
            "https://id.example.org/",
            "DIR/smart-id.toml:2: public_url: expected http",
        ),
        (
            "id = 1\n",
            "id = 256\n",
            "DIR/smart-id.toml:9: database.column_keys.id: ",
        ),
        (
            "key_file = \"column.key\"",
            "",
            "DIR/smart-id.toml:8: database.column_keys: key_file or key_env is missing",
        ),
        (
            "unlock_key_env = \"SMART_ID_UNLOCK_KEY\"",
            "unlock_key_env = \"A\"\nunlock_key_file = \"b\"",
            "DIR/smart-id.toml:11: vault: only one of unlock_key_file and unlock_key_env may be given",
        ),
        ("[vault]", "[vault", "DIR/smart-id.toml:11: "),
    ];
    for (from, to, expected) in cases {
        assert!(MINIMAL.contains(from), "{from}");
        let message = load(&MINIMAL.replace(from, to)).unwrap_err();
        assert!(
            message.starts_with(expected),
            "{message}\nexpected {expected}"
        );
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let secret = "00112233".repeat(8);
    let message = load(
        &MINIMAL
            .replace("unlock_key_env", "unlock_key")
            .replace("SMART_ID_UNLOCK_KEY", &secret),
    )
    .unwrap_err();
    assert!(message.contains("unlock_key"), "{message}");
    assert!(!message.contains(&secret), "{message}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("nowhere/smart-id.toml")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read nowhere/smart-id.toml");
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    for text in [
        "https://id.example.org",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
    ] {
        assert!(Origin::try_from(text.to_owned()).is_ok(), "{text}");
    }
    for text in [
        "",
        "https://",
        "ftp://a",
        "https://a/",
        "https://a?b",
        "https://a#b",
        "https://a b",
        "https://u@a",
        "https://a\"b",
    ] {
        assert!(Origin::try_from(text.to_owned()).is_err(), "{text}");
    }
}

#[test]
fn secrets_come_back_as_they_were_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    SecretSource::create(&path).unwrap();
    let source = SecretSource::File(path.clone());
    assert_eq!(source.read().unwrap().len(), 32);
    assert_eq!(source.readable_by_others(), None);
    assert!(
        matches!(SecretSource::create(&path), Err(SecretError::NotMade(..))),
        "never overwritten"
    );
    fs::write(&path, "abc").unwrap();
    assert!(matches!(source.read(), Err(SecretError::NotHexadecimal(_))));
    let unset = SecretSource::Environment("SMART_ID_NO_SUCH_VARIABLE".to_owned());
    assert!(matches!(unset.read(), Err(SecretError::NotSet(_))));
}
