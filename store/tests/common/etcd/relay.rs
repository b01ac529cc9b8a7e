//! A wire that can be cut: TCP connections taken at one address and led on to another.
//!
//! Hung, it takes everything and lets nothing through, as a network does that loses packets; opened again, what it took
//! goes on its way. Cut, connections end and new ones are refused at once. Etcd's members say in their requests who
//! sends them, so that one sender's connections can be hung alone.

use super::address;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Which connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    All,
    /// Those of the member with this id, and those that do not say whose they are.
    From(u64),
}

pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    own_id: AtomicU64,
}

struct Shared {
    to: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    hung: Option<Wire>,
    cut: bool,
    over: bool,
    connections: Vec<TcpStream>,
}

impl Relay {
    /// Leads to this address, at a new address of this process.
    pub fn to(to: SocketAddr) -> Self {
        let address = address::free();
        let listener = TcpListener::bind(address).expect("a free address");
        let shared = Arc::new(Shared { to, state: Mutex::default(), changed: Condvar::new() });
        let taken = Arc::clone(&shared);
        thread::spawn(move || take_connections(&listener, &taken));
        Self { address, shared, own_id: AtomicU64::new(0) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of the member it leads to.
    pub fn own_id(&self) -> u64 {
        self.own_id.load(Ordering::SeqCst)
    }

    pub fn set_own_id(&self, id: u64) {
        self.own_id.store(id, Ordering::SeqCst);
    }

    /// Nothing more comes through, in neither direction.
    pub fn hang(&self, wire: Wire) {
        self.shared.hold().hung = Some(wire);
    }

    /// All connections end; new ones end as soon as they are made.
    pub fn cut(&self) {
        let mut state = self.shared.hold();
        state.cut = true;
        state.end_connections();
    }

    /// Ends all connections once: new ones go through.
    pub fn drop_connections(&self) {
        self.shared.hold().end_connections();
    }

    /// Ends `hang` and `cut`.
    pub fn open(&self) {
        let mut state = self.shared.hold();
        (state.hung, state.cut) = (None, false);
        self.shared.changed.notify_all();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let mut state = self.shared.hold();
        state.over = true;
        state.end_connections();
        self.shared.changed.notify_all();
        drop(state);
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn end_connections(&mut self) {
        for connection in self.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn hangs(&self, sender: Option<u64>) -> bool {
        match self.hung {
            None => false,
            Some(Wire::All) => true,
            Some(Wire::From(id)) => sender.is_none_or(|sender| sender == id),
        }
    }
}

impl Shared {
    fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while connections of this sender hang; false: the wire is gone.
    fn wait_open(&self, sender: Option<u64>) -> bool {
        let mut state = self.hold();
        while state.hangs(sender) && !state.over {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.over
    }

    fn keep(&self, streams: [&TcpStream; 2]) {
        let mut state = self.hold();
        let clones = streams.into_iter().filter_map(|stream| stream.try_clone().ok());
        state.connections.extend(clones);
        if state.cut || state.over {
            state.end_connections();
        }
    }
}

fn take_connections(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let state = shared.hold();
        if state.over {
            return;
        }
        // A connection that ended before it was taken ends no other.
        let (Ok(stream), false) = (stream, state.cut) else { continue };
        drop(state);
        let shared = Arc::clone(shared);
        thread::spawn(move || lead(stream, &shared));
    }
}

/// Both directions of one connection, until either end closes it.
fn lead(mut near: TcpStream, shared: &Arc<Shared>) {
    let mut first = [0; 4096];
    let Ok(n @ 1..) = near.read(&mut first) else { return };
    let sender = sender_of(&first[..n]);
    if !shared.wait_open(sender) {
        return;
    }
    let Ok(mut far) = TcpStream::connect(shared.to) else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    shared.keep([&near, &far]);
    let (Ok(back_from), Ok(back_to)) = (far.try_clone(), near.try_clone()) else { return };
    let back = Arc::clone(shared);
    let answers = thread::spawn(move || pump(back_from, back_to, &back, sender));
    if far.write_all(&first[..n]).is_ok() {
        pump(near, far, shared, sender);
    }
    let _ = answers.join();
}

fn pump(mut from: TcpStream, mut to: TcpStream, shared: &Shared, sender: Option<u64>) {
    let mut bytes = [0; 16384];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        if !shared.wait_open(sender) || to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// The member that sent a request of etcd's peers.
fn sender_of(request: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(request);
    let id = text.lines().find_map(|line| line.strip_prefix("X-Server-From: "))?;
    u64::from_str_radix(id.trim(), 16).ok()
}
