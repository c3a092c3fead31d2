//! That the search finds what it must: planted, and in the real processes at the moment when they use their secrets.

use crate::{
    needles::{Needles, invented_number},
    process_memory::Core,
    processes::{Phone, Server, Step, Tools},
    secrets::Secrets,
    silence::{self, PERSON, PIN1, PIN2},
};
use rustix::process::Signal;
use std::{
    collections::BTreeSet,
    hint::black_box,
    os::unix::process::ExitStatusExt,
    process::{Command, id},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

fn registration(url: &str) -> [&str; 11] {
    [
        "register",
        "--url",
        url,
        "--person",
        PERSON,
        "--given-name",
        "OK",
        "--surname",
        "TESTNUMBER",
        "--date-of-birth",
        "1905-04-04",
    ]
}

#[test]
fn what_is_planted_in_a_process_is_found_where_it_is() {
    let number = invented_number();
    let needles = Needles::new([("PIN", PIN1)], [("number", &*number)]);
    let mut on_the_stack = [0; 64];
    on_the_stack[20..36].copy_from_slice(&number[100..116]);
    let on_the_heap: Vec<_> = needles
        .forms()
        .map(|(secret, encoding, bytes)| (secret, encoding, bytes.to_vec()))
        .collect();
    let of_a_thread = thread::spawn({
        let number = number.clone();
        move || {
            let mut planted = [0; 16];
            planted.copy_from_slice(&number[200..216]);
            thread::park();
            black_box(&planted);
        }
    });
    let finds = Core::of(id()).search(&needles);
    let found_at = |address: *const u8| {
        let address = address.addr() as u64;
        finds.iter().any(|find| find.address == address)
    };
    for (secret, encoding, bytes) in &on_the_heap {
        assert!(found_at(bytes.as_ptr()), "{secret} {encoding}");
    }
    assert!(found_at(on_the_stack[20..].as_ptr()), "{finds:?}");
    assert!(
        finds.iter().any(|find| find.found.part == (200..216)),
        "on the stack of a thread"
    );
    of_a_thread.thread().unpark();
    of_a_thread.join().expect("it ends");
}

/// `watch.c` puts a secret into a vector register and stops.
#[test]
#[cfg(target_arch = "x86_64")]
fn what_is_in_a_register_is_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::compile(folder.path());
    let planted = "a_secret_of_16_b";
    let needles = Needles::new([], [("number", planted.as_bytes())]);
    let watch = [("WATCH_STOP_WRITE", "1"), ("WATCH_PLANT", planted)];
    let mut phone = Phone::start(&tools, folder.path(), &watch, &["--help"]);
    assert!(matches!(phone.step(["", ""]), Step::Stopped(_)));
    let finds = tools.core(phone.id()).search(&needles);
    assert!(
        finds.iter().any(|find| find.place == "registers"),
        "{finds:?}"
    );
}

/// At the draw of 400 bytes a key's primes and exponent are there, d1′ is about to be.
#[test]
fn a_phone_has_its_keys_while_it_makes_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::compile(folder.path());
    let server = Server::start(&tools, &folder.path().join("server"), &[]);
    let random = folder.path().join("random");
    let watch = [
        ("WATCH_STOP_RANDOM", "400"),
        ("WATCH_RANDOM", random.to_str().expect("UTF-8")),
    ];
    let path = folder.path().join("phone");
    let mut phone = Phone::start(&tools, &path, &watch, &registration(&server.url));
    let mut cores = Vec::new();
    while let Step::Stopped(_) = phone.step([PIN1, PIN2]) {
        cores.push(tools.core(phone.id()));
    }
    let needles = silence::needles(&Secrets::replay(&random).expect("two keys"));
    let seen = secrets_in(&cores, &needles);
    for key in ["authentication", "signature"] {
        for secret in ["d1", "p1", "q1"] {
            assert!(
                seen.contains(&format!("{secret} {key}")),
                "{secret} {key}: {seen:?}"
            );
        }
    }
    assert!(seen.contains("PIN1") && seen.contains("PIN2"), "{seen:?}");
}

/// At a draw of 12 bytes a share is being masked, while the other one waits to be forgotten.
#[test]
fn a_phone_has_its_shares_and_pins_while_it_uses_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::compile(folder.path());
    let server = Server::start(&tools, &folder.path().join("server"), &[]);
    let random = folder.path().join("random");
    let watch = [
        ("WATCH_STOP_RANDOM", "12"),
        ("WATCH_RANDOM", random.to_str().expect("UTF-8")),
    ];
    let path = folder.path().join("phone");
    let mut phone = Phone::start(&tools, &path, &watch, &registration(&server.url));
    let (mut needles, mut seen) = (None, BTreeSet::new());
    while let Step::Stopped(_) = phone.step([PIN1, PIN2]) {
        if needles.is_none() {
            needles = Secrets::replay(&random).map(|secrets| silence::needles(&secrets));
        }
        if let Some(needles) = &needles {
            seen.extend(secrets_in(&[tools.core(phone.id())], needles));
        }
    }
    for secret in [
        "PIN1",
        "PIN2",
        "d1′ authentication",
        "d1′ signature",
        "d1″ authentication",
        "d1″ signature",
    ] {
        assert!(seen.contains(secret), "{secret}: {seen:?}");
    }
}

/// At a draw of 12 bytes the server is about to wrap a share that it was given.
#[test]
fn a_server_has_its_shares_while_it_uses_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::compile(folder.path());
    let server = Server::start(
        &tools,
        &folder.path().join("server"),
        &[("WATCH_STOP_RANDOM", "12")],
    );
    let random = folder.path().join("random");
    let watch = [("WATCH_RANDOM", random.to_str().expect("UTF-8"))];
    let path = folder.path().join("phone");
    let mut phone = Phone::start(&tools, &path, &watch, &registration(&server.url));
    let (mut needles, mut seen) = (None, BTreeSet::new());
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                if server.is_stopped() {
                    if needles.is_none() {
                        needles =
                            Secrets::replay(&random).map(|secrets| silence::needles(&secrets));
                    }
                    // Every look costs a second on a slow machine; the server draws often.
                    if let Some(needles) = needles.as_ref().filter(|_| !has_both(&seen)) {
                        seen.extend(secrets_in(&[tools.core(server.id())], needles));
                    }
                    server.signal(Signal::CONT);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        while let Step::Stopped(_) = phone.step([PIN1, PIN2]) {}
        ended.store(true, Ordering::Relaxed);
    });
    assert!(has_both(&seen), "{seen:?}");
}

fn has_both(seen: &BTreeSet<String>) -> bool {
    ["d1″ authentication", "d1″ signature"]
        .iter()
        .all(|secret| seen.contains(*secret))
}

fn secrets_in(cores: &[Core], needles: &Needles) -> BTreeSet<String> {
    let finds = cores.iter().flat_map(|core| core.search(needles));
    finds.map(|find| find.found.secret).collect()
}

/// A process that a signal kills leaves no core, though its limit would allow one.
#[test]
fn no_core_is_left_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::compile(folder.path());
    // A process has the limit of its parent, unless it lowers it.
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        shell
            .args([
                "-c",
                &format!("ulimit -c \"$(ulimit -H -c)\" && {script}"),
                "sh",
            ])
            .current_dir(folder.path());
        shell
    };
    let control = shell("kill -SEGV $$").status().expect("a shell");
    assert_eq!(control.signal(), Some(Signal::SEGV.as_raw()));
    if !control.core_dumped() {
        eprintln!("this machine writes no cores: only that the processes forbid them is shown");
    }
    for signal in [Signal::ABORT, Signal::QUIT, Signal::ILL] {
        let path = folder.path().join(format!("server-{}", signal.as_raw()));
        let mut server = shell(r#"exec "$@""#);
        server.arg(tools.smart_id().get_program());
        let mut server = Server::start_by(server, &path, &[]);
        server.signal(signal);
        let status = server.wait();
        assert_eq!(status.signal(), Some(signal.as_raw()));
        assert!(!status.core_dumped(), "{signal:?}");
    }
}
