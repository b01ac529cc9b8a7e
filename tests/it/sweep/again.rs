//! The whole sweep again in one process: it leaves no memory behind, and no open file.

use super::world::World;
use super::{Report, attributes, data, handles, keys, lengths, parameters, pointers};

/// Many times what the allocator keeps more from one round to the next, and less than a few bytes for every call.
const BOUND_KIB: u64 = 2048;

fn round(world: &World, report: &mut Report) {
    pointers::sweep(world, report);
    handles::sweep(world, report);
    lengths::sweep(world, report);
    parameters::sweep(world, report);
    keys::sweep(world, report);
    attributes::sweep(world, report);
    data::sweep(world, report);
}

/// Resident memory in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the system tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("the system tells").count()
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("the system tells").count()
}

#[test]
fn a_second_sweep_takes_no_more_memory_files_or_threads() {
    let world = World::new();
    let mut report = Report::default();
    round(&world, &mut report);
    let before = (resident(), descriptors(), threads());
    round(&world, &mut report);
    let grown = resident().saturating_sub(before.0);
    assert!(grown < BOUND_KIB, "{grown} KiB more than {} KiB", before.0);
    assert_eq!((descriptors(), threads()), (before.1, before.2), "files and threads");
    report.finish();
}
