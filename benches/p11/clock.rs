//! Passes by the wall clock. Owns threads and times; knows nothing of what is measured.

use crate::Failure;
use std::sync::Barrier;
use std::time::{Duration, Instant};

const PASS: Duration = Duration::from_millis(400);
const TRIAL: Duration = Duration::from_millis(20);
const PASSES: usize = 3;

/// Prints the best rate of three passes on one thread, and on two as `name.x2`. `make` is called once in each
/// thread; what it gives is called with 0, 1, 2... A failure is printed as the row's value.
pub fn measure<W>(name: &str, make: impl Fn() -> Result<W, Failure> + Sync)
where
    W: FnMut(u64) -> Result<(), Failure>,
{
    for threads in 1..=2 {
        let row = if threads == 1 { name.to_owned() } else { format!("{name}.x2") };
        match best(&make, threads) {
            Ok(rate) => println!("{row} {rate:.1} op/s"),
            Err(failure) => println!("{row} - {failure}"),
        }
    }
}

/// The best of three passes of exactly so many calls each.
pub fn best_of_calls<W>(
    make: &(impl Fn() -> Result<W, Failure> + Sync),
    threads: usize,
    calls: u64,
) -> Result<f64, Failure>
where
    W: FnMut(u64) -> Result<(), Failure>,
{
    let mut best = Duration::MAX;
    for _ in 0..PASSES {
        best = best.min(pass(make, threads, calls)?);
    }
    Ok((threads as u64 * calls) as f64 / best.as_secs_f64())
}

fn best<W>(make: &(impl Fn() -> Result<W, Failure> + Sync), threads: usize) -> Result<f64, Failure>
where
    W: FnMut(u64) -> Result<(), Failure>,
{
    let mut calls = 1;
    loop {
        let trial = pass(make, 1, calls)?;
        if trial >= TRIAL {
            let wanted = PASS.as_secs_f64() / trial.as_secs_f64();
            return best_of_calls(make, threads, ((calls as f64 * wanted) as u64).max(1));
        }
        calls *= 2;
    }
}

/// From the first thread's start to the last one's end.
fn pass<W>(
    make: &(impl Fn() -> Result<W, Failure> + Sync),
    threads: usize,
    calls: u64,
) -> Result<Duration, Failure>
where
    W: FnMut(u64) -> Result<(), Failure>,
{
    let start = Barrier::new(threads);
    let run = || {
        let work = make();
        start.wait();
        let mut work = work?;
        let began = Instant::now();
        for call in 0..calls {
            work(call)?;
        }
        Ok::<_, Failure>((began, Instant::now()))
    };
    let times = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        running.into_iter().map(|t| t.join().expect("no call panics")).collect::<Result<Vec<_>, _>>()
    })?;
    let began = times.iter().map(|t| t.0).min().expect("a thread ran");
    let ended = times.iter().map(|t| t.1).max().expect("a thread ran");
    Ok(ended - began)
}
