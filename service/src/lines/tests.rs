//! What takes a place is written, in order; what cannot be written is counted.

use super::*;
use std::path::Path;

struct Text(String);

impl Line for Text {
    fn write(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(self.0.as_bytes());
        text.push(b'\n');
    }
}

const KIND: Kind = Kind { name: "test", is_durable: false, gathering: Duration::from_millis(1) };

fn silent(line: &str) {
    assert!(line.starts_with("test: "), "{line}");
}

fn start(path: &Path) -> (Lines<Text>, Writer) {
    Lines::start(KIND, Output::File(path.into()), silent).unwrap()
}

/// A pipe that nobody reads: its writer stops after 64 KiB.
fn pipe(folder: &Path) -> (std::path::PathBuf, File) {
    let path = folder.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    // Open for both, so that neither end waits for the other.
    let reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    (path, reader)
}

#[test]
fn a_reserved_place_is_there_for_its_line_and_none_is_given_beyond() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut reader) = pipe(folder.path());
    let (lines, writer) = start(&path);
    // The thread is in this line's write until the pipe is read.
    let large = "x".repeat(4 << 20);
    lines.push(Text(large.clone()));
    while lines.taken() > 0 {
        std::thread::yield_now();
    }
    let places: Vec<_> = (0..QUEUED).map(|_| lines.reserve().unwrap()).collect();
    assert!(lines.reserve().is_none());
    for (number, place) in places.into_iter().enumerate() {
        match number {
            // It was kept for nothing.
            0 => drop(place),
            _ => place.fill(Text(number.to_string())),
        }
    }
    assert_eq!(lines.taken(), QUEUED - 1);
    assert!(lines.reserve().is_some());
    let numbers: String = (1..QUEUED).map(|number| format!("{number}\n")).collect();
    let wanted = format!("{large}\n{numbers}");
    let mut found = vec![0; wanted.len()];
    std::io::Read::read_exact(&mut reader, &mut found).unwrap();
    assert!(found == wanted.as_bytes());
    writer.finish(&lines);
    assert_eq!((lines.lost(), lines.taken()), (0, 0));
}

#[test]
fn a_line_that_was_torn_does_not_tear_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let file = |path: &Path| OpenOptions::new().create(true).append(true).open(path).unwrap();
    let mut log = Log {
        output: Output::File(path.clone()),
        file: file(&path),
        kind: KIND,
        tell: silent,
        is_torn: false,
    };
    assert_eq!(log.write(b"whole\nhal", 2, true), 0);
    assert!(log.is_torn);
    let (sender, receiver) = sync_channel(2);
    sender.send(Message::Line(Text("next".into()))).unwrap();
    sender.send(Message::End).unwrap();
    log.write_all(&receiver, &Counts::default());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "whole\nhal\nnext\n");
}

#[test]
fn only_lines_that_were_not_written_count_as_lost() {
    let (lines, writer) = start(Path::new("/dev/full"));
    (0..3).for_each(|number| lines.push(Text(number.to_string())));
    writer.finish(&lines);
    assert_eq!(lines.lost(), 3);
    // The thread is gone.
    lines.push(Text("late".into()));
    lines.reserve().unwrap().fill(Text("late".into()));
    assert_eq!((lines.lost(), lines.taken()), (5, 0));
}

#[test]
fn what_is_written_elsewhere_from_now_on_and_what_cannot_be_opened_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    let (lines, writer) = start(&first);
    lines.push(Text("a".into()));
    lines.reopen(Output::File("/nowhere/log".into()));
    lines.push(Text("b".into()));
    lines.reopen(Output::File(second.clone()));
    lines.push(Text("c".into()));
    writer.finish(&lines);
    assert_eq!(std::fs::read_to_string(first).unwrap(), "a\nb\n");
    assert_eq!(std::fs::read_to_string(second).unwrap(), "c\n");
    assert_eq!(lines.lost(), 0);
}
