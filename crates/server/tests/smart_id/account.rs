//! An operator vouches beside the running server, for phones that wait.

use crate::process::{Server, lines_of, run, run_typing, smart_id, stderr, stdout};
use std::{
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

/// Two keys of real size, in an unoptimised build on a busy machine.
const KEYS: Duration = Duration::from_secs(300);

/// A phone that registers, and the code that it tells the operator.
fn register(url: &str, file: &Path) -> (Child, String) {
    let mut phone = smart_id()
        .args([
            "device", "register", "--url", url, "--pin1", "4826", "--pin2", "73915", "--file",
        ])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let lines = lines_of(phone.stdout.take().expect("piped"));
    let code = loop {
        let line = lines.recv_timeout(KEYS).expect("a line with the code");
        if let Some((_, rest)) = line.split_once("smart-id account vouch ") {
            break rest.split(' ').next().expect("a code").to_owned();
        }
    };
    // Nobody may stop reading: the phone would wait for room in the pipe.
    std::thread::spawn(move || lines.iter().for_each(drop));
    (phone, code)
}

#[test]
fn only_whose_control_code_is_compared_gets_an_account() {
    let demo = Server::demo(None);
    let (url, data) = (format!("http://{}", demo.address()), demo.data());
    let vouch = |code: &str, typed: &str| {
        let who = "--person PNOEE-40504040001 --given-name OK --surname TESTNUMBER --date-of-birth 1905-04-04";
        let mut arguments = vec!["account", "vouch", code, "--data", &data];
        arguments.extend(who.split(' '));
        run_typing(&arguments, typed)
    };
    let files = tempfile::tempdir().expect("a temporary folder");
    let (mut refused, refused_code) = register(&url, &files.path().join("refused"));
    let (mut accepted, accepted_code) = register(&url, &files.path().join("accepted"));

    let differs = vouch(&refused_code, "no\n");
    assert!(
        stderr(&differs).contains("the registration was refused"),
        "{}",
        stderr(&differs)
    );
    assert!(!refused.wait().expect("a child").success());
    assert!(stderr(&vouch(&refused_code, "yes\n")).contains("no open registration"));

    let unclear = vouch(&accepted_code, "4711\n");
    assert!(
        stderr(&unclear).contains("nothing was changed"),
        "{}",
        stderr(&unclear)
    );
    let vouched = vouch(&accepted_code, "yes\n");
    assert!(vouched.status.success(), "{}", stderr(&vouched));
    assert!(
        stdout(&vouched).contains("Control code: "),
        "{}",
        stdout(&vouched)
    );
    assert!(accepted.wait().expect("a child").success());

    let listed = stdout(&run(&[
        "account",
        "list",
        "PNOEE-40504040001",
        "--data",
        &data,
    ]));
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(
        listed.contains("QUALIFIED  active  OK TESTNUMBER"),
        "{listed}"
    );
    let document = listed.split(' ').next().expect("a document number");
    let close = |reason: &str| {
        run(&[
            "account", "close", document, "--data", &data, "--yes", "--reason", reason,
        ])
    };
    let unknown = close("ca-compromise");
    assert!(
        stderr(&unknown).contains("privilege-withdrawn"),
        "{}",
        stderr(&unknown)
    );
    let check = || run(&["check", "certificates", "--data", &data]);
    let before = stdout(&check());
    // Two are the responder's.
    assert!(before.contains("(4 given out, 0 revoked)"), "{before}");
    let closed = close("key-compromise");
    assert!(closed.status.success(), "{}", stderr(&closed));
    let serial = stdout(&closed);
    let serial = serial
        .lines()
        .find_map(|line| line.strip_prefix("revoked  "));
    let serial = serial.expect("a serial number");
    // She learns more later: what was said first stands, and she is told so.
    let again = close("superseded");
    assert_eq!(again.status.code(), Some(1));
    assert!(
        stderr(&again).contains("was closed before")
            && stderr(&again).contains(serial)
            && stderr(&again).contains("keyCompromise"),
        "{}",
        stderr(&again)
    );
    let revoke = |serial: &str| {
        let how = ["--reason", "key-compromise", "--yes", "--data", &data];
        run(&[&["certificate", "revoke", serial], &how[..]].concat())
    };
    for (serial, expected) in [
        (serial, "was revoked before"),
        ("0A0B", "no certificate of ours"),
        ("0A0", "hexadecimal digits"),
    ] {
        let refused = revoke(serial);
        assert!(!refused.status.success());
        assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
    }
    let after = check();
    assert!(after.status.success(), "{}", stdout(&after));
    assert!(
        stdout(&after).contains("(4 given out, 2 revoked)"),
        "{}",
        stdout(&after)
    );
    assert_eq!(
        stdout(&run(&[
            "account",
            "list",
            "PNOEE-40504040001",
            "--data",
            &data
        ])),
        ""
    );
}
