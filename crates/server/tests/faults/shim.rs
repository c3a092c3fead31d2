//! The shim between the real binary and the kernel, see `shim.c`.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::Duration,
};
use tempfile::TempDir;

/// The library, compiled once.
static LIBRARY: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = folder.path().join("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
    let status = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args([
            "-std=gnu11",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-shared",
            "-fPIC",
            "-o",
        ])
        .args([&library, &source])
        .arg("-lpthread")
        .status()
        .expect("a C compiler, which the build needs as well");
    assert!(status.success(), "the shim does not compile");
    (folder, library)
});

/// Fields of `struct control`, by their offset.
#[derive(Clone, Copy)]
enum Field {
    Armed = 0,
    Segment = 8,
    KillSegment = 24,
    KillChange = 32,
    KillPhase = 40,
    WriteErrno = 48,
    SyncErrno = 56,
    Faults = 64,
    LyingDisk = 72,
    Killed = 80,
    FaultFrom = 88,
    FaultLimit = 96,
    FaultFiles = 104,
    CountMain = 112,
}

/// Where a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// Which commit, counted from the moment that the step begins.
    pub(crate) segment: i64,
    pub(crate) at: At,
}

/// Where within a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// Before its first write.
    First,
    /// In the middle of its writes, with half of one written.
    Torn(i64),
    /// Everything is written and nothing synced.
    Unsynced,
    /// It is synced, and nobody has heard of it yet.
    Synced,
}

/// What a disk does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What writes fail with; 0: they work.
    pub(crate) write: i64,
    /// What syncs fail with; 0: they work.
    pub(crate) sync: i64,
    /// From which commit on, counted from the moment that the shim is armed.
    pub(crate) from: i64,
    /// How often; 0: until it is healed.
    pub(crate) limit: i64,
    /// Which files.
    pub(crate) files: Files,
}

/// The files that a fault is about. The database's main file is written by checkpoints, its log by commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Files {
    #[default]
    All = 0,
    Main = 1,
    AllButMain = 2,
}

impl Fault {
    /// There is no room left.
    pub(crate) const FULL: Self = Self::writing(28); // ENOSPC of Linux
    /// Nothing can be written.
    pub(crate) const BROKEN: Self = Self::writing(EIO);
    /// No commit can be made durable; what is written is there to be read.
    pub(crate) const UNSYNCED: Self = Self {
        sync: EIO,
        files: Files::AllButMain,
        ..Self::writing(0)
    };
    /// The database's main file cannot be made durable.
    pub(crate) const UNSYNCED_MAIN: Self = Self {
        files: Files::Main,
        ..Self::UNSYNCED
    };
    /// One sync fails and the next one succeeds, as the kernel's page cache has it ("fsyncgate").
    pub(crate) const UNSYNCED_ONCE: Self = Self {
        limit: 1,
        ..Self::UNSYNCED
    };

    const fn writing(write: i64) -> Self {
        Self {
            write,
            sync: 0,
            from: 0,
            limit: 0,
            files: Files::All,
        }
    }
}

/// EIO of Linux.
const EIO: i64 = 5;

/// One operation of a trace.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) segment: i64,
    pub(crate) is_sync: bool,
}

/// The control of one process.
pub(crate) struct Shim {
    folder: PathBuf,
    root: PathBuf,
    control: File,
}

impl Shim {
    /// Watches the files in `root`; keeps its own in `folder`, which must not be there yet.
    pub(crate) fn new(folder: PathBuf, root: &Path) -> Self {
        fs::create_dir(&folder).expect("a new folder");
        let control = shared_file(&folder.join("control"), 4096);
        let shim = Self {
            root: root.canonicalize().expect("the folder is there"),
            folder,
            control,
        };
        shim.set(Field::KillSegment, -1);
        shim
    }

    /// Loads the shim into a process that is about to start.
    pub(crate) fn load(&self, command: &mut Command) {
        preload(command);
        command
            .env("SHIM_ROOT", &self.root)
            .env("SHIM_CONTROL", self.folder.join("control"))
            .env("SHIM_TRACE", self.folder.join("trace"));
        if self.durable().exists() {
            command.env("SHIM_DURABLE", self.durable());
        }
    }

    /// From here on keeps what a power cut would leave. Before the process starts.
    pub(crate) fn keep_durable(&self) {
        copy_files(&self.root, &self.durable());
    }

    /// What a power cut would leave.
    pub(crate) fn durable(&self) -> PathBuf {
        self.folder.join("durable")
    }

    /// Counts the syncs of the database's main file, by checkpoints, instead of all others.
    pub(crate) fn count_checkpoints(&self) {
        self.set(Field::CountMain, 1);
    }

    /// Begins to count, and to kill if there is a point.
    pub(crate) fn arm(&self, point: Option<Point>) {
        if let Some(Point { segment, at }) = point {
            let (change, phase) = match at {
                At::First => (0, 0),
                At::Torn(change) => (change, 1),
                At::Unsynced => (-1, 0),
                At::Synced => (-1, 2),
            };
            self.set(Field::KillChange, change);
            self.set(Field::KillPhase, phase);
            self.set(Field::KillSegment, segment);
        }
        self.set(Field::Armed, 1);
    }

    /// Stops counting.
    pub(crate) fn disarm(&self) {
        self.set(Field::Armed, 0);
    }

    /// How many commits there were since it was armed.
    pub(crate) fn commits(&self) -> i64 {
        self.get(Field::Segment)
    }

    /// Whether the process was killed at its point.
    pub(crate) fn has_killed(&self) -> bool {
        self.get(Field::Killed) == 1
    }

    /// Lets writes or syncs fail from a commit on.
    pub(crate) fn fail(&self, fault: Fault) {
        self.set(Field::FaultFrom, fault.from);
        self.set(Field::FaultLimit, fault.limit);
        self.set(Field::FaultFiles, fault.files as i64);
        self.set(Field::WriteErrno, fault.write);
        self.set(Field::SyncErrno, fault.sync);
    }

    /// Everything works again.
    pub(crate) fn heal(&self) {
        self.fail(Fault::default());
    }

    /// How often something was made to fail.
    pub(crate) fn faults(&self) -> i64 {
        self.get(Field::Faults)
    }

    /// Lets syncs succeed that make nothing durable.
    pub(crate) fn lie(&self) {
        self.set(Field::LyingDisk, 1);
    }

    /// Everything since it was armed.
    pub(crate) fn trace(&self) -> Vec<Operation> {
        let text = fs::read_to_string(self.folder.join("trace")).unwrap_or_default();
        text.lines()
            .map(|line| {
                let fields: Vec<_> = line.split(' ').collect();
                Operation {
                    segment: fields[0].parse().expect("a number"),
                    is_sync: fields[2] == "sync",
                }
            })
            .collect()
    }

    fn set(&self, field: Field, value: i64) {
        self.control
            .write_all_at(&value.to_ne_bytes(), field as u64)
            .expect("writes");
    }

    fn get(&self, field: Field) -> i64 {
        let mut bytes = [0; 8];
        self.control
            .read_exact_at(&mut bytes, field as u64)
            .expect("reads");
        i64::from_ne_bytes(bytes)
    }
}

/// The wall clock of all processes of one world.
pub(crate) struct Clock {
    path: PathBuf,
    offset: File,
}

impl Clock {
    pub(crate) fn new(path: PathBuf) -> Self {
        let offset = shared_file(&path, 8);
        Self { path, offset }
    }

    /// Gives a process that is about to start this clock.
    pub(crate) fn load(&self, command: &mut Command) {
        preload(command);
        command.env("SHIM_CLOCK", &self.path);
    }

    /// Sets the clock forward.
    pub(crate) fn pass(&self, time: Duration) {
        let mut bytes = [0; 8];
        self.offset.read_exact_at(&mut bytes, 0).expect("reads");
        let nanoseconds = i64::try_from(time.as_nanos()).expect("less than 292 years");
        let ahead = i64::from_ne_bytes(bytes) + nanoseconds;
        self.offset
            .write_all_at(&ahead.to_ne_bytes(), 0)
            .expect("writes");
    }
}

/// Copies a folder, with what is in it, to a new one.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("known").is_dir() {
            copy_files(&entry.path(), &to.join(entry.file_name()));
        // The index of the log belongs to a running process.
        } else if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copies");
        }
    }
}

fn preload(command: &mut Command) {
    command.env("LD_PRELOAD", &LIBRARY.1);
}

fn shared_file(path: &Path, length: u64) -> File {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .expect("a new file");
    file.set_len(length).expect("a length");
    file
}
