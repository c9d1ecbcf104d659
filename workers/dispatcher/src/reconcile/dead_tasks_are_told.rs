//! A task that ends dead ends aloud: somebody is told, and what waited for it gives up or waits. It is done here and not
//! in the handlers, because a handler that panics, hangs, kills its process or is never called cannot do it.
use std::str::FromStr;
use std::time::Duration;

use mipo_app::{planning, results, upkeep};
use mipo_domain::ids::{ScanId, ScannerId};
use mipo_queue::payloads::StoreResults;
use mipo_queue::upkeep::{DeadTask, count_dead, take_dead};
use mipo_queue::{HandlerError, bulk, kinds};
use mipo_store::Conn;

use crate::World;

/// Tasks that one round tells of at most.
const MOST: u16 = 100;

/// Parts that could not be stored in any attempt wait so long: what cannot be now can hardly be in ten seconds.
const PAUSE: Duration = Duration::from_mins(10);

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    for _ in 0..MOST {
        let mut tx = world.db.tx("tasks.tell_dead").await?;
        let Some(task) = take_dead(&mut tx, 1).await?.pop() else { return Ok(()) };
        if let Err(error) = tell(world, &mut tx, &task).await {
            drop(tx);
            tell_alone(world, &task, &error).await?;
        } else {
            tx.commit().await?;
        }
        count_dead(&task);
    }
    Ok(())
}

/// What follows from it cannot be done. The passes that find it undone ask for it again; those that died after it must
/// not stand behind it for ever.
async fn tell_alone(world: &World, task: &DeadTask, error: &HandlerError) -> Result<(), HandlerError> {
    tracing::error!(task.id = %task.id, kind = task.kind, ?error, "what follows from a dead task cannot be done");
    let mut tx = world.db.tx("tasks.tell_dead_alone").await?;
    // Another process may have been quicker; then it has told of it.
    if take_dead(&mut tx, 1).await?.first() == Some(task) {
        upkeep::task_failed(&mut tx, &world.ctx(), task).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// What the task was about, from the key that it was unique by.
fn about<T: FromStr>(task: &DeadTask, kind: &kinds::Kind) -> Option<T> {
    let key = task.unique_key.as_deref().filter(|_| task.kind == kind.name)?;
    key.strip_prefix(kind.name)?.strip_prefix(':')?.parse().ok()
}

async fn tell(world: &World, conn: &mut Conn, task: &DeadTask) -> Result<(), HandlerError> {
    let ctx = world.ctx();
    if let Some(scan) = about::<ScanId>(task, &kinds::PLAN_SCAN) {
        planning::give_up(conn, &ctx, scan).await?;
    } else if let Some(scanner) = about::<ScannerId>(task, &kinds::STORE_RESULTS) {
        results::store_failed(conn, &ctx, scanner).await?;
        // Pending, it stands for the one that every round would ask for.
        mipo_queue::enqueue(conn, StoreResults::task(scanner).delay(PAUSE)).await?;
    } else {
        if let Some(operation) = about(task, &kinds::BULK_OPERATION) {
            bulk::fail(conn, operation).await?;
        }
        upkeep::task_failed(conn, &ctx, task).await?;
    }
    Ok(())
}
