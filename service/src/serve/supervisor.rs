//! What systemd wants to hear (sd_notify(3)): one datagram for each thing told, to the socket that it names.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// Between two signs of life where nobody asked for any.
const IDLE: Duration = Duration::from_secs(3600);

pub struct Supervisor {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants a sign of life.
    watchdog: Option<Duration>,
    last_sign: Option<Instant>,
}

impl Supervisor {
    /// By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. Where nobody listens, nothing is told.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let own = variable("WATCHDOG_PID").is_none_or(|id| id == std::process::id().to_string());
        let every = variable("WATCHDOG_USEC").filter(|_| own).and_then(|text| text.parse().ok());
        Self {
            socket: variable("NOTIFY_SOCKET").and_then(|name| connect(&name)),
            // Twice as often as asked, as sd_watchdog_enabled(3) advises.
            watchdog: every.filter(|us| *us > 0).map(|us| Duration::from_micros(us) / 2),
            last_sign: None,
        }
    }

    pub fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket {
            // Whoever asked is gone, or will notice.
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }

    /// Tells that this process is alive, where it is time to.
    pub fn alive(&mut self) {
        let Some(every) = self.watchdog else { return };
        if self.last_sign.is_none_or(|last| last.elapsed() >= every / 2) {
            self.last_sign = Some(Instant::now());
            self.tell("WATCHDOG=1");
        }
    }

    /// The longest that may pass until `alive` is called again.
    pub fn interval(&self) -> Duration {
        self.watchdog.unwrap_or(IDLE)
    }
}

/// `@` stands for the abstract name space.
fn connect(name: &str) -> Option<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).ok()?,
        None => SocketAddr::from_pathname(name).ok()?,
    };
    Some((UnixDatagram::unbound().ok()?, address))
}
