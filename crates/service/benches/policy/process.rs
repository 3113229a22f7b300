//! Servers as processes of their own, and the CPU time that they use.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A bare server: this program once more, with its name as the argument.
pub struct ServerProcess {
    child: Child,
    pub address: String,
}

impl ServerProcess {
    pub fn start(name: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child =
            Command::new(program).arg(name).stdout(Stdio::piped()).spawn().expect("a server process");
        let mut address = String::new();
        let stdout = child.stdout.take().expect("its stdout");
        BufReader::new(stdout).read_line(&mut address).expect("its address");
        Self { child, address: address.trim().to_owned() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says where a bare server listens.
pub fn announce(listener: &tokio::net::TcpListener) {
    println!("{}", listener.local_addr().expect("an address"));
}

/// User and system time of a process so far, from `/proc/PID/stat` (fields 14 and 15, in hundredths of a
/// second on Linux).
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let (_, fields) = stat.rsplit_once(')').expect("proc(5)");
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("proc(5)")).sum();
    Duration::from_millis(ticks * 10)
}
