//! Real threads on everything they share at once: clients, reloads, patches and questions for numbers. What was counted
//! must add up to what was done. `make tsan` runs this, too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::{Clock, pause};
use crate::control::{Plane, housekeeping};

const CLIENTS: u64 = 4;
const ROUNDS: u64 = 150;

/// Answers every request on every connection.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while read_head(&mut reader).is_some() {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
                }
            });
        }
    });
    address
}

/// The first line of a head, or none at the end.
fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|count| *count > 0)?;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    }
    Some(first)
}

/// Asks on one connection; returns how many answers were good.
fn ask(address: SocketAddr, requests: u64) -> u64 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let good = |_: &u64| {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        let head = read_head(&mut reader).unwrap();
        let mut body = [0; 2];
        head.starts_with("HTTP/1.1 200 ") && reader.read_exact(&mut body).is_ok()
    };
    (0..requests).filter(good).count() as u64
}

/// The small snapshot of the contract, with these addresses and tight limits.
fn snapshot(generation: u64, listener: SocketAddr, servers: &[SocketAddr]) -> Value {
    let mut whole: Value =
        serde_json::from_str(include_str!("../../../tests/contract/snapshot-small.json")).unwrap();
    whole["generation"] = generation.into();
    whole["limits"]["connections"] = 3.into();
    whole["listeners"][0]["address"] = listener.to_string().into();
    let backend = &mut whole["backends"][0];
    backend["balance"]["policy"] = "least_conn".into();
    backend["timeouts"]["queue"] = 30_000.into();
    backend["pool"]["max_idle"] = 2.into();
    let one = backend["servers"][0].clone();
    let server = |(index, address): (usize, &SocketAddr)| {
        let mut server = one.clone();
        server["name"] = format!("s{index}").into();
        server["address"] = address.to_string().into();
        server["max_connections"] = 2.into();
        server
    };
    backend["servers"] = servers.iter().enumerate().map(server).collect();
    whole
}

/// A defect in the middle of a request, for the test of what it costs: there is none of it in a program that is built.
pub fn panic_if_asked(head: &[u8]) {
    assert!(!head.starts_with(b"PANIC "), "as the test asked");
}

/// A data plane without its process.
struct Machine(Arc<Plane>);

impl Machine {
    fn start(listener: &TcpListener) -> Self {
        let (events, told) = sync_channel(16);
        thread::spawn(move || told.iter().for_each(drop));
        let plane = Arc::new(Plane::new(events, "/nowhere".into()).unwrap());
        housekeeping::start(Arc::clone(&plane)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let frame = json!({"type": "set_sockets", "id": 1, "address": address, "count": 1});
        let socket = listener.try_clone().unwrap().into();
        plane.handle(&serde_json::to_vec(&frame).unwrap(), vec![socket]);
        Self(plane)
    }

    fn tell(&self, frame: &Value) -> Value {
        let handled = self.0.handle(&serde_json::to_vec(frame).unwrap(), Vec::new());
        let answer: Value = serde_json::from_slice(&handled.answer.body).unwrap();
        assert_eq!(answer["ok"], true, "{answer}");
        answer
    }

    fn apply(&self, snapshot: &Value) {
        self.tell(&json!({"type": "apply", "id": 2, "snapshot": snapshot}));
    }

    fn stats(&self) -> Value {
        self.tell(&json!({"type": "get_stats", "id": 3}))["stats"].take()
    }
}

/// Reloads, patches and asks until told to stop; returns how often.
fn disturb(machine: &Machine, address: SocketAddr, servers: &[SocketAddr], over: &AtomicBool) -> u64 {
    let (mut turn, mut seen) = (0, 0);
    while !over.load(Relaxed) {
        turn += 1;
        let count = 2 + turn as usize % 2;
        machine.apply(&snapshot(2 * turn, address, &servers[..count]));
        let change = json!({"backend": "app", "server": "s1", "weight": turn % 3, "health": (["up", "down"])[turn as usize % 2]});
        machine.tell(&json!({"type": "patch", "id": 4, "generation": 2 * turn + 1, "servers": [change]}));
        let requests = machine.stats()["frontends"][0]["requests"].as_u64().unwrap();
        assert!(requests >= seen, "a total fell from {seen} to {requests}");
        seen = requests;
        pause(Duration::from_millis(1));
    }
    turn
}

#[test]
fn numbers_add_up_over_reloads_and_patches_under_traffic() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let servers = [server(), server(), server()];
    let machine = Machine::start(&listener);
    machine.apply(&snapshot(1, address, &servers));
    let (good, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let turns = thread::scope(|scope| {
        let control = scope.spawn(|| disturb(&machine, address, &servers, &over));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let good = &good;
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        good.fetch_add(ask(address, 1 + (client + round) % 3), Relaxed);
                    }
                })
            })
            .collect();
        let done = clients.into_iter().all(|client| client.join().is_ok());
        over.store(true, Relaxed);
        assert!(done, "a request was not answered");
        control.join().unwrap()
    });
    let asked: u64 =
        (0..CLIENTS).flat_map(|client| (0..ROUNDS).map(move |round| 1 + (client + round) % 3)).sum();
    assert_eq!(good.into_inner(), asked, "in {turns} turns");
    check_idle(&machine, asked);
}

/// The numbers when all connections have ended, or when that takes too long.
fn settled(machine: &Machine) -> Value {
    let clock = Clock::start();
    let mut stats = machine.stats();
    while stats["process"]["connections"] != 0 && clock.millis() < 30_000 {
        pause(Duration::from_millis(5));
        stats = machine.stats();
    }
    stats
}

/// Nothing is held any more, and everything was counted once.
fn check_idle(machine: &Machine, asked: u64) {
    let stats = settled(machine);
    let (process, frontend, backend) = (&stats["process"], &stats["frontends"][0], &stats["backends"][0]);
    assert_eq!(process["connections"], 0);
    assert!(process["connections_max"].as_u64().unwrap() <= 3, "{process}");
    assert_eq!(process["connections_total"], CLIENTS * ROUNDS);
    assert_eq!(frontend["requests"], asked);
    assert_eq!(frontend["responses"][1], asked);
    assert_eq!([&frontend["current"], &backend["current"], &backend["queue"]], [0; 3]);
    for server in backend["servers"].as_array().unwrap() {
        assert_eq!([&server["current"], &server["queue"]], [0; 2], "{server}");
        assert!(server["max"].as_u64().unwrap() <= 2, "{server}");
    }
}

#[test]
fn a_panic_in_a_request_costs_its_connection_alone() {
    const PANICS: u64 = 40;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let machine = Machine::start(&listener);
    // Fewer places than panics, for connections and at servers: none may stay taken.
    machine.apply(&snapshot(1, address, &[server(), server()]));
    let mut neighbour = TcpStream::connect(address).unwrap();
    for _ in 0..PANICS {
        let mut client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        client.write_all(b"PANIC / HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        assert!(answer.is_empty(), "it ends without an answer");
        assert_eq!(ask(address, 2), 2, "others are served");
    }
    neighbour.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    let head = read_head(&mut BufReader::new(neighbour.try_clone().unwrap())).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "who was connected all the time is served, too");
    drop(neighbour);
    let stats = settled(&machine);
    assert_eq!(stats["process"]["panics"], PANICS);
    assert_eq!([&stats["process"]["connections"], &stats["backends"][0]["current"]], [0; 2]);
}
