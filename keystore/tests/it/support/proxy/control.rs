//! The proxy's controls for programs in other languages: a TCP port of this machine, where each line is an order, and is
//! answered by a line, both in JSON. `"Heal"`, `{"Set": {"Slow": 300}}`, `{"Only": ["Encrypt", "WrongCdiv"]}`.

use super::{Api, Fault, HOST, Key, Proxy};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

#[derive(Deserialize)]
enum Order {
    About,
    Set(Fault),
    Only(Api, Fault),
    Heal,
    Put(String, Key),
    Remove(String),
    /// The id, and whether it is enabled.
    Enable(String, bool),
    Rotate(String),
    Calls,
    ForgetCalls,
    Connections,
    CloseConnections,
    AddCredential(String, String),
    RemoveCredential(String),
    AddPath(String),
    RemovePath(String),
}

/// Answers where its port is, which is open as long as the process.
pub fn serve(proxy: Arc<Proxy>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (proxy, stream) = (Arc::clone(&proxy), stream.expect("a connection"));
            std::thread::spawn(move || follow(&proxy, &stream));
        }
    });
    address
}

/// Until the other end closes.
fn follow(proxy: &Proxy, mut stream: &TcpStream) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let answer = match serde_json::from_str(&line) {
            Ok(order) => json!({ "answer": run(proxy, order) }),
            Err(error) => json!({ "error": format!("{line}: {error}") }),
        };
        if stream.write_all(format!("{answer}\n").as_bytes()).is_err() {
            return;
        }
    }
}

fn run(proxy: &Proxy, order: Order) -> Value {
    match order {
        Order::About => return about(proxy),
        Order::Calls => return json!(proxy.calls()),
        Order::Connections => return json!(proxy.connections()),
        Order::Set(fault) => proxy.set(fault),
        Order::Only(api, fault) => proxy.only(api, fault),
        Order::Heal => proxy.heal(),
        Order::Put(id, key) => proxy.keys().put(&id, key),
        Order::Remove(id) => proxy.keys().remove(&id),
        Order::Enable(id, enabled) => proxy.keys().change(&id, |key| key.enabled = enabled),
        Order::Rotate(id) => proxy.keys().rotate(&id),
        Order::ForgetCalls => proxy.forget_calls(),
        Order::CloseConnections => proxy.close_connections(),
        Order::AddCredential(id, secret) => proxy.add_credential(&id, &secret),
        Order::RemoveCredential(id) => proxy.remove_credential(&id),
        Order::AddPath(path) => proxy.add_path(&path),
        Order::RemovePath(path) => proxy.remove_path(&path),
    }
    Value::Null
}

fn about(proxy: &Proxy) -> Value {
    json!({
        "endpoint": format!("https://{HOST}"),
        "path": super::PATH,
        "access_key_id": super::ACCESS_KEY_ID,
        "secret": super::SECRET,
        "address": proxy.address().to_string(),
    })
}
