//! What happens by itself: expiry, checkpoints of the audit trail and of the database, the pool of server halves, transport
//! keys, what validators read, the nightly look at all keys.

use crate::{
    deployment::Deployment,
    key_scan::{self, Extent},
    lifecycle::Lifecycle,
};
use anyhow::Error;
use engine::{Service, domain::AuditLink, service::Infrastructure};
use jiff::Timestamp;
use std::{
    future::Future,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use store::CheckpointError;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};
use web::JobMetrics;

/// Sessions, registrations and accounts whose time is over (R89); locks need no job, they are computed.
const EXPIRY: Duration = Duration::from_secs(1);
/// Vouching for the audit trail, if anything was added to it.
const AUDIT_CHECKPOINT: Duration = Duration::from_secs(5);
/// Looking whether server halves are needed.
const POOL: Duration = Duration::from_secs(2);
/// Revocation lists, responder certificates, the trusted list: a revocation is in the list of its authority within this.
const PUBLICATIONS: Duration = Duration::from_secs(1);
/// Looking whether a transport key's day is over.
const TRANSPORT_KEYS: Duration = Duration::from_secs(3600);
/// Moving what is committed from the database's log into its file.
const DATABASE_CHECKPOINT: Duration = Duration::from_secs(1);

/// Comparing new moduli with all others (`splitkey.md` §1.1, "nightly").
const KEY_SCAN: Duration = Duration::from_secs(24 * 3600);
/// Scans overlap, so that a key that was opened while the last one read the database is not missed.
const KEY_SCAN_OVERLAP_SECONDS: i64 = 3600;

/// Starts all jobs. Each is safe beside the same job of another process.
pub fn start(deployment: &Deployment, metrics: &JobMetrics, lifecycle: &Lifecycle) {
    let service = &deployment.service;
    let expiry = service.clone();
    repeat(lifecycle, "expiry", EXPIRY, move || {
        let service = expiry.clone();
        async move {
            let report = service.run_jobs().await?;
            if report != engine::service::JobReport::default() {
                debug!(?report, "expiry");
            }
            Ok(())
        }
    });
    let checkpoints = service.clone();
    repeat(lifecycle, "audit_checkpoint", AUDIT_CHECKPOINT, move || {
        let service = checkpoints.clone();
        async move {
            checkpoint(&service).await?;
            Ok(())
        }
    });
    let pool = service.clone();
    let stopping = lifecycle.stopping();
    repeat(lifecycle, "pool", POOL, move || {
        let (service, stopping) = (pool.clone(), stopping.clone());
        async move {
            // A half takes seconds to make, and nobody needs it any more once the process stops.
            let fill = async {
                while service.replenish_pool().await? {}
                Ok(())
            };
            stopping.run_until_cancelled(fill).await.unwrap_or(Ok(()))
        }
    });
    let transport_keys = service.clone();
    repeat(lifecycle, "transport_keys", TRANSPORT_KEYS, move || {
        let service = transport_keys.clone();
        async move { Ok(service.rotate_transport_keys().await?) }
    });
    let (publications, published) = (service.clone(), metrics.clone());
    repeat(lifecycle, "publications", PUBLICATIONS, move || {
        let (service, metrics) = (publications.clone(), published.clone());
        async move {
            metrics.published(&service.renew_publications().await?);
            Ok(())
        }
    });
    let (keys, metrics, stopping) = (service.clone(), metrics.clone(), lifecycle.stopping());
    // When the last scan of this process began.
    let last = Arc::new(AtomicI64::new(i64::MIN));
    repeat(lifecycle, "key_scan", KEY_SCAN, move || {
        let (service, metrics, stopping) = (keys.clone(), metrics.clone(), stopping.clone());
        let last = Arc::clone(&last);
        async move { scan_keys(&service, &metrics, &last, stopping).await }
    });
    let store = deployment.store();
    repeat(
        lifecycle,
        "database_checkpoint",
        DATABASE_CHECKPOINT,
        move || {
            let store = Arc::clone(&store);
            async move {
                match store.checkpoint().await {
                    Err(error @ CheckpointError::NotDurable(_)) => give_up(error.into()),
                    outcome => Ok(outcome?),
                }
            }
        },
    );
}

/// Compares what came since the last scan with everything, and makes a noise about what it finds.
async fn scan_keys(
    service: &Service,
    metrics: &JobMetrics,
    last: &AtomicI64,
    stopping: CancellationToken,
) -> Result<(), Error> {
    let began = Timestamp::now().as_second();
    let extent = match last.load(Ordering::SeqCst) {
        i64::MIN => Extent::recent(Timestamp::now()),
        // A clock that was set back must not hide what came since.
        last => Extent::Since(Timestamp::from_second(
            last.min(began) - KEY_SCAN_OVERLAP_SECONDS,
        )?),
    };
    let stop = stopping.clone();
    let progress = move |_| match stop.is_cancelled() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let scan = key_scan::run(service, extent, progress);
    let Some(outcome) = stopping.run_until_cancelled(scan).await else {
        return Ok(());
    };
    let report = outcome?;
    let alarms: Vec<_> = report.alarms().collect();
    for alarm in &alarms {
        // Key ids only: a document number has the person's national number in it.
        error!(
            weakness = alarm.code(),
            keys = alarm.key_ids().join(" "),
            "weak keys found; `smart-id check keys` tells whose they are"
        );
    }
    if !alarms.is_empty() {
        let found: Vec<_> = alarms.iter().map(|alarm| alarm.for_audit()).collect();
        service.record_weak_keys(&found).await?;
    }
    let weak = report.weak_keys_in_use();
    info!(
        moduli = report.moduli,
        compared = report.compared,
        weak,
        "keys scanned"
    );
    metrics.keys_scanned(weak, Timestamp::now().as_second());
    last.store(began, Ordering::SeqCst);
    Ok(())
}

/// Has the root key vouch for the audit trail, and tells the log, which is kept elsewhere than the database: a trail that
/// was put back to an earlier day does not have what the log says.
pub async fn checkpoint(service: &Service) -> Result<(), Infrastructure> {
    if let Some(signed) = service.checkpoint_audit().await? {
        let link = AuditLink {
            seq: signed.checkpoint.seq,
            hash: signed.checkpoint.hash.0,
        };
        info!(anchor = %link, "audit checkpoint");
    }
    Ok(())
}

/// The same when the server stops, so that nothing it did stays without a checkpoint until the next start.
pub async fn last_checkpoint(service: &Service) {
    if let Err(error) = checkpoint(service).await {
        error!(error = format!("{error:#}"), "no last audit checkpoint");
    }
}

/// Ends the process where it stands: closing the database would trust pages that may never have reached the disk.
fn give_up(error: Error) -> ! {
    error!(
        error = format!("{error:#}"),
        "the disk failed; ending at once, the next start recovers everything from the database's log"
    );
    std::process::abort()
}

/// Runs `work` now and then again after every `pause`, up to a tenth longer so that processes do not march in step.
///
/// A failure or a panic is logged and the job goes on.
fn repeat<F, W>(lifecycle: &Lifecycle, name: &'static str, pause: Duration, mut work: F)
where
    F: FnMut() -> W + Send + 'static,
    W: Future<Output = Result<(), Error>> + Send + 'static,
{
    let stopping = lifecycle.stopping();
    lifecycle.spawn(name, async move {
        let mut failures = 0_u64;
        while !stopping.is_cancelled() {
            // A task of its own, so that a panic ends the round and not the job.
            let outcome = match tokio::spawn(work()).await {
                Ok(outcome) => outcome,
                Err(panic) => Err(panic.into()),
            };
            match outcome {
                Ok(()) if failures == 0 => {}
                Ok(()) => {
                    info!(job = name, failures, "works again");
                    failures = 0;
                }
                Err(error) => {
                    failures += 1;
                    // An hour without database is a dozen lines, not 3600.
                    if failures.is_power_of_two() {
                        error!(
                            job = name,
                            failures,
                            error = format!("{error:#}"),
                            "failed; will try again"
                        );
                    }
                }
            }
            tokio::select! {
                () = stopping.cancelled() => {}
                () = tokio::time::sleep(jittered(pause)) => {}
            }
        }
    });
}

fn jittered(pause: Duration) -> Duration {
    // Not a secret; without randomness the pause is just exact.
    let random = getrandom::u32().unwrap_or(0);
    pause + (pause / 10).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    #[tokio::test(start_paused = true)]
    async fn a_job_outlives_failures_and_panics() {
        let lifecycle = Lifecycle::default();
        let rounds = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&rounds);
        repeat(&lifecycle, "test", Duration::from_secs(1), move || {
            let round = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match round {
                    0 => Err(anyhow::anyhow!("failed")),
                    1 => panic!("defect"),
                    _ => Ok(()),
                }
            }
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(rounds.load(Ordering::SeqCst) > 3);
        lifecycle.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_ends_with_the_process() {
        let lifecycle = Lifecycle::default();
        repeat(&lifecycle, "test", Duration::from_secs(3600), || async {
            Ok(())
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(lifecycle.stop().await, crate::lifecycle::Stopped::Softly);
    }

    #[test]
    fn jitter_adds_at_most_a_tenth() {
        for _ in 0..100 {
            let pause = jittered(Duration::from_secs(10));
            assert!((10.0..=11.0).contains(&pause.as_secs_f64()));
        }
    }
}
