//! The checks, a file a group. Each file has its rows first, and below them the functions that they name.

pub mod connections;
pub mod decrypt;
pub mod encrypt;
pub mod errors;
pub mod health;
pub mod key_metadata;
pub mod load;
pub mod metadata;
pub mod mtls;
pub mod sigv4;
pub mod timing;
pub mod tls;
pub mod transport;
pub mod usage;

use super::outcome::{Finding, missed};

/// Does something on several threads at once; the first finding is told.
fn together<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T, Finding> + Sync,
) -> Result<Vec<T>, Finding> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || work(number))).collect();
        let ended =
            threads.into_iter().map(|thread| thread.join().map_err(|_| missed("this check broke"))?);
        ended.collect()
    })
}
