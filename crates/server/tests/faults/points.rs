//! A step is run once to see its commits, then again and again from the same files, killed or failing at each of them.

use crate::{
    shim::{At, Fault, Operation, Point, Shim, copy_files},
    world::{Snapshot, World},
};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
};

/// Which process is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    Server,
    /// The server as well, but at its checkpoints.
    Checkpoint,
    Phone,
    /// A command beside the server, which goes on.
    Operator,
}

/// What is lost with the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The process only: what it wrote stays in the page cache.
    Process,
    /// The machine: what was not synced is gone.
    Power,
}

/// What happens to the victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Nothing,
    Killed(Point, Cut),
    /// The disk fails, then works again; the same process goes on.
    Failing(Fault),
    /// The process is killed while the disk fails. What failed to be synced is found by whoever comes next.
    FailingThenKilled(Fault),
}

/// Runs of a point until it is reached.
const TRIES: u8 = 3;

/// What is interrupted, and what has to hold afterwards.
pub(crate) struct Scenario<P, S> {
    /// Files that it begins with.
    pub(crate) from: fn() -> &'static Snapshot,
    pub(crate) victim: Victim,
    /// Comes before the step; nothing happens to anybody.
    pub(crate) prepare: fn(&mut World) -> P,
    /// The trouble comes in here. The shim is the victim's, for a process that the step starts.
    pub(crate) step: fn(&mut World, &Shim, &P) -> S,
    /// Goes on as everybody would, and looks. The server is up.
    pub(crate) check: fn(&mut World, &P, S),
}

impl<P, S> Scenario<P, S> {
    /// Kills at the commits of the step, which are at least so many: fewer would mean that something is answered before
    /// it is durable. `SMART_ID_CRASH_POINTS=all` takes more points for each.
    pub(crate) fn kill_at_each_commit(&self, name: &str, at_least: usize) {
        let trace = self.recorded();
        let commits = trace.iter().filter(|operation| operation.is_sync).count();
        assert!(commits >= at_least, "{name}: only {commits} commits");
        let points = points_of(&trace, self.victim);
        let troubles = points
            .iter()
            .map(|(point, cut)| Trouble::Killed(*point, *cut));
        self.run_all(name, "killed", troubles.collect());
    }

    /// Lets the disk fail at the commits of the step.
    pub(crate) fn fail_at_each_commit(&self, name: &str) {
        let trace = self.recorded();
        let commits = trace.iter().filter(|operation| operation.is_sync).count();
        let mut troubles = Vec::new();
        for from in 0..i64::try_from(commits).expect("a few") {
            let of = |fault: Fault| Fault { from, ..fault };
            troubles.push(Trouble::Failing(of(Fault::FULL)));
            troubles.push(Trouble::Failing(of(Fault::UNSYNCED_ONCE)));
            if self.victim == Victim::Server {
                troubles.push(Trouble::FailingThenKilled(of(Fault::UNSYNCED)));
            }
            if all_points() {
                troubles.push(Trouble::Failing(of(Fault::BROKEN)));
                troubles.push(Trouble::Failing(of(Fault::UNSYNCED)));
                troubles.push(Trouble::FailingThenKilled(of(Fault::UNSYNCED_ONCE)));
                troubles.push(Trouble::FailingThenKilled(of(Fault::FULL)));
            }
        }
        self.run_all(name, "failed", troubles);
    }

    /// What the victim does when nothing happens to it. A background job that commits in the middle would put points into
    /// the record that hardly any other run reaches, so the shortest of three is taken.
    fn recorded(&self) -> Vec<Operation> {
        let runs = (0..3).map(|_| self.run(Trouble::Nothing).1);
        runs.min_by_key(Vec::len).expect("three runs")
    }

    fn run_all(&self, name: &str, what: &str, troubles: Vec<Trouble>) {
        assert!(!troubles.is_empty(), "{name} commits nothing");
        let mut reached = 0;
        for trouble in &troubles {
            let told = Told(format!("{name}: {trouble:?}"));
            // Now and then a background job shifts the count: then once more.
            let came = (0..TRIES).any(|_| self.run(*trouble).0);
            reached += usize::from(came);
            drop(told);
        }
        let all = troubles.len();
        // Past the test runner, which keeps what passing tests print to itself.
        writeln!(io::stdout(), "{name}: {what} at {reached} of {all} points").expect("a terminal");
        // If it is the rule, nothing is shown.
        assert!(
            reached * 10 >= all * 8,
            "{name}: only {reached} of {all} points were reached"
        );
    }

    /// One run; says whether the trouble came, and what the victim did.
    fn run(&self, trouble: Trouble) -> (bool, Vec<Operation>) {
        let power = matches!(trouble, Trouble::Killed(_, Cut::Power));
        let is_server = matches!(self.victim, Victim::Server | Victim::Checkpoint);
        let mut world = match power && is_server {
            true => World::start_keeping_durable((self.from)()),
            false => World::start((self.from)()),
        };
        let prepared = (self.prepare)(&mut world);
        let another = match self.victim {
            // For the phone or command of a step that harms nobody but the server; never armed.
            Victim::Server | Victim::Checkpoint => {
                world.another_shim("unused-shim", &world.phone_folder())
            }
            Victim::Phone => world.another_shim("phone-shim", &world.phone_folder()),
            Victim::Operator => world.another_shim("operator-shim", &world.data()),
        };
        if power && !is_server {
            another.keep_durable();
        }
        if self.victim == Victim::Checkpoint {
            world.shim.count_checkpoints();
        }
        let shim = if is_server { &world.shim } else { &another };
        match trouble {
            Trouble::Nothing => shim.arm(None),
            Trouble::Killed(point, _) => shim.arm(Some(point)),
            Trouble::Failing(fault) | Trouble::FailingThenKilled(fault) => {
                shim.fail(fault);
                shim.arm(None);
            }
        }
        let seen = (self.step)(&mut world, &another, &prepared);
        if is_server { &world.shim } else { &another }.disarm();
        if let Trouble::Failing(_) = trouble {
            if is_server { &world.shim } else { &another }.heal();
            assert!(world.is_up(), "commits that fail do not end a server");
        }
        let shim = if is_server { &world.shim } else { &another };
        let reached = shim.has_killed() || shim.faults() > 0;
        let trace = shim.trace();
        let goes_on = matches!(trouble, Trouble::Failing(_));
        match self.victim {
            Victim::Server | Victim::Checkpoint if !goes_on => {
                // Where nothing was reached it dies while it is idle.
                if !world.shim.has_killed() {
                    world.kill();
                }
                if power {
                    world.restart_after_power_cut();
                } else {
                    world.restart();
                }
            }
            Victim::Phone if power => {
                let folder = world.phone_folder();
                fs::remove_dir_all(&folder).expect("deletes");
                copy_files(&another.durable(), &folder);
            }
            _ => {}
        }
        (self.check)(&mut world, &prepared, seen);
        let logs = world.logs();
        for unwanted in ["panicked", "internal_error"] {
            assert!(!logs.contains(unwanted), "{unwanted}: {logs}");
        }
        (reached, trace)
    }
}

fn all_points() -> bool {
    std::env::var("SMART_ID_CRASH_POINTS").is_ok_and(|which| which == "all")
}

/// Says at the end of a panic where it was.
struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A second panic would hide the first.
            let _ = writeln!(io::stderr(), "--- {}", self.0);
        }
    }
}

/// The points of the commits in a trace.
fn points_of(trace: &[Operation], victim: Victim) -> Vec<(Point, Cut)> {
    let mut segments = BTreeMap::<i64, (i64, bool)>::new();
    for operation in trace {
        let (changes, synced) = segments.entry(operation.segment).or_default();
        *synced |= operation.is_sync;
        *changes += i64::from(!operation.is_sync);
    }
    let all = all_points();
    let mut points = Vec::new();
    for (segment, (changes, synced)) in segments {
        let mut add = |at, cut| points.push((Point { segment, at }, cut));
        if changes > 0 && (all || !synced) {
            add(At::First, Cut::Process);
        }
        if all && changes > 0 {
            add(At::Torn(changes / 2), Cut::Process);
            add(At::First, Cut::Power);
        }
        // A file that is replaced: its draft is written; its new name is there for good.
        let replaced = victim == Victim::Phone && !all;
        if synced && !(replaced && segment % 2 == 1) {
            add(At::Unsynced, Cut::Process);
        }
        if synced && !(replaced && segment % 2 == 0) {
            // Just then nothing unsynced is left behind: of the two cuts this is the harder one.
            add(At::Synced, Cut::Power);
        }
        if synced && all {
            add(At::Synced, Cut::Process);
        }
    }
    points
}
