//! After every reply neither process has a PIN or a share in its memory or registers, and none is in logs or files.

use crate::{
    needles::Needles,
    process_memory::{Core, Find},
    processes::{Phone, Server, Step, Tools},
    secrets::Secrets,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The right ones, and one that is wrong for both. Twelve digits are nowhere by chance.
pub(crate) const PIN1: &str = "730481952637";
pub(crate) const PIN2: &str = "915260374846";
const WRONG: &str = "608137429518";

pub(crate) const PERSON: &str = "PNOEE-40504040001";

pub(crate) fn needles(secrets: &Secrets) -> Needles {
    let pins = [("PIN1", PIN1), ("PIN2", PIN2), ("wrong PIN", WRONG)];
    Needles::new(pins, secrets.iter())
}

#[test]
fn after_every_reply_no_pin_and_no_share_is_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tools = Tools::compile(folder.path());
    let server_dumpable = folder.path().join("server.dumpable");
    let watch = [("WATCH_DUMPABLE", server_dumpable.to_str().expect("UTF-8"))];
    let server = Server::start(&tools, &folder.path().join("server"), &watch);
    let mut story = Story {
        phone: folder.path().join("phone"),
        random: folder.path().join("random"),
        dumpable: folder.path().join("phone.dumpable"),
        tools,
        server,
        needles: None,
        finds: Vec::new(),
    };

    let url = story.server.url.clone();
    let register = [
        "register",
        "--url",
        &url,
        "--person",
        PERSON,
        "--given-name",
        "OK",
        "--surname",
        "TESTNUMBER",
        "--date-of-birth",
        "1905-04-04",
    ];
    story.play(
        "register",
        &register,
        [PIN1, PIN2],
        &["awaitingIdentity", "registered"],
    );
    story.server_idles();

    story.play("rotate", &["rotate"], [WRONG, WRONG], &["rotated"]);
    story.ask("authentication");
    story.play("wrong PIN1", &["approve"], [WRONG, WRONG], &["wrongPin"]);
    story.play("PIN1", &["approve"], [PIN1, WRONG], &["completed"]);
    story.ask("signature");
    story.play("PIN2", &["approve"], [WRONG, PIN2], &["completed"]);
    story.ask("signature");
    for _ in 0..3 {
        story.play("wrong PIN2", &["approve"], [WRONG, WRONG], &["wrongPin"]);
    }
    story.ask("signature");
    story.play("locked PIN2", &["pending"], [WRONG, WRONG], &["home"]);
    story.server_idles();
    story.files();

    assert!(story.finds.is_empty(), "{:#?}", story.finds);
    // Each process says it once.
    for (file, processes) in [(&server_dumpable, 1), (&story.dumpable, 9)] {
        let dumpable = fs::read_to_string(file).expect("watch.c writes it");
        assert_eq!(
            dumpable,
            "0".repeat(processes),
            "PR_GET_DUMPABLE in {}",
            file.display()
        );
    }
}

/// One person's dealings with one server.
struct Story {
    tools: Tools,
    server: Server,
    /// The phone's folder.
    phone: PathBuf,
    random: PathBuf,
    dumpable: PathBuf,
    needles: Option<Needles>,
    finds: Vec<(String, Find)>,
}

impl Story {
    /// A command of the phone. It stops after each of the views that it tells, which is after the reply to what was done,
    /// and once more when all is done; then phone and server are looked at.
    fn play(&mut self, scene: &str, arguments: &[&str], pins: [&str; 2], views: &[&str]) {
        let watch = [
            ("WATCH_STOP_WRITE", "1"),
            ("WATCH_STOP_EXIT", "1"),
            ("WATCH_RANDOM", self.random.to_str().expect("UTF-8")),
            ("WATCH_DUMPABLE", self.dumpable.to_str().expect("UTF-8")),
        ];
        let mut phone = Phone::start(&self.tools, &self.phone, &watch, arguments);
        let mut told = Vec::new();
        while let Step::Stopped(report) = phone.step(pins) {
            let moment = match serde_json::from_str::<Value>(&report) {
                Ok(view) => {
                    told.push(view["view"].as_str().unwrap_or_default().to_owned());
                    format!("{scene}: {}", told[told.len() - 1])
                }
                Err(_) => format!("{scene}: end"),
            };
            let cores = [
                ("server", self.server.core(&self.tools)),
                ("phone", self.tools.core(phone.id())),
            ];
            let random = &self.random;
            let needles = self
                .needles
                .get_or_insert_with(|| needles(&Secrets::replay(random).expect("two keys")));
            for (name, core) in cores {
                is_whole(&core, name);
                let finds = core.search(needles).into_iter();
                self.finds
                    .extend(finds.map(|find| (format!("{name} after {moment}"), find)));
            }
        }
        assert_eq!(told, views, "{scene}: see {}", self.phone.display());
    }

    /// A server that nobody talks to, its jobs done.
    fn server_idles(&mut self) {
        std::thread::sleep(std::time::Duration::from_secs(1));
        let core = self.server.core(&self.tools);
        let finds = core.search(self.needles.as_ref().expect("known since R3a"));
        self.finds.extend(
            finds
                .into_iter()
                .map(|find| ("server, idle".to_owned(), find)),
        );
    }

    /// An e-service asks.
    fn ask(&self, kind: &str) {
        let example = include_str!("../../../../docs/examples/authentication.json");
        let mut body: Value = serde_json::from_str(example).expect("JSON");
        if kind == "signature" {
            body["signatureProtocol"] = json!("RAW_DIGEST_SIGNATURE");
            body["signatureProtocolParameters"] = json!({
                "digest": "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
                "signatureAlgorithm": "rsassa-pss",
                "signatureAlgorithmParameters": { "hashAlgorithm": "SHA-512" },
            });
            body.as_object_mut().expect("an object").remove("vcType");
        }
        let url = format!(
            "{}/smart-id-rp/v3/{kind}/notification/etsi/{PERSON}",
            self.server.url
        );
        ureq::post(&url).send_json(&body).expect("a session");
    }

    /// Logs, database, vault, phone: all that lies on the disk.
    fn files(&mut self) {
        let needles = self.needles.as_ref().expect("known since R3a");
        let mut searched = Vec::new();
        for folder in [&self.server.folder, &self.phone] {
            for file in files_in(folder) {
                let bytes = fs::read(&file).expect("a file");
                let place = format!("{}, {} bytes", file.display(), bytes.len());
                let finds = needles.search(&bytes).into_iter();
                self.finds
                    .extend(finds.map(|found| (place.clone(), Find::in_file(found))));
                searched.push(place);
            }
        }
        let searched = searched.join("\n");
        for name in [
            "/log",
            "/out",
            "smart-id.db",
            "-wal",
            "vault",
            "my.phone",
            "my.phone.key",
        ] {
            assert!(searched.contains(name), "{name} is missing in {searched}");
        }
    }
}

/// All kinds of memory were read.
pub(crate) fn is_whole(core: &Core, name: &str) {
    for (kind, least) in [
        ("[heap]", 1 << 17),
        ("[stack]", 1 << 14),
        ("/smart-id", 1 << 20),
        ("registers", 1 << 10),
    ] {
        assert!(
            core.size(kind) >= least,
            "{name}: {kind} {}",
            core.size(kind)
        );
    }
    let threads = if name == "server" { 3 } else { 0 };
    assert!(core.anonymous() > threads, "{name}: stacks of threads");
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files
}
