//! The process of a function.

use std::{
    collections::BTreeMap,
    process::{ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    time::{ClockId, clock_getcpuclockid},
    unistd::Pid,
};
use tokio::process::{Child, Command};

/// The period in which Linux gives a process its share of a CPU. AWS does not document Lambda's.
const PERIOD: Duration = Duration::from_millis(20);

/// The CPU time of a process.
#[derive(Clone, Copy)]
pub(crate) struct CpuClock(ClockId);

impl CpuClock {
    /// Milliseconds since the process was started.
    pub(crate) fn ms(self) -> f64 {
        self.0.now().map_or(0.0, |time| Duration::from(time).as_secs_f64() * 1000.0)
    }
}

pub(crate) struct Function {
    child: Child,
    pid: Pid,
    started: Instant,
    clock: CpuClock,
}

impl Function {
    /// Starts a process that has only these environment variables. What it logs is dropped.
    pub(crate) fn start(command: &[String], env: &BTreeMap<String, String>) -> Result<Self, Box<dyn std::error::Error>> {
        let (program, arguments) = command.split_first().ok_or("no command")?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(env).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn()?;
        let pid = Pid::from_raw(child.id().ok_or("it has ended already")?.try_into()?);
        let clock = CpuClock(clock_getcpuclockid(pid)?);
        Ok(Self { child, pid, started, clock })
    }

    /// When it was started, and its CPU time.
    pub(crate) fn cpu_clock(&self) -> (Instant, CpuClock) {
        (self.started, self.clock)
    }

    pub(crate) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// From now on, the process gets this share of a CPU: as a Linux CPU quota does it, the process stands still when it
    /// has used the share of a period, until a period comes for which it has time again. A quota needs rights that a
    /// developer's machine does not give. Signals need none.
    pub(crate) fn limit(&self, share: f64) {
        let (pid, clock) = (self.pid, self.clock);
        let quota_ms = PERIOD.as_secs_f64() * 1000.0 * share;
        std::thread::spawn(move || {
            let (mut begun, mut used) = (Instant::now(), clock.ms());
            loop {
                sleep(Duration::from_micros(250));
                let periods = ((clock.ms() - used) / quota_ms).floor();
                if periods >= 1.0 {
                    if kill(pid, Signal::SIGSTOP).is_err() {
                        return; // it has ended
                    }
                    sleep(PERIOD.mul_f64(periods).saturating_sub(begun.elapsed()));
                    (begun, used) = (Instant::now(), used + periods * quota_ms);
                    if kill(pid, Signal::SIGCONT).is_err() {
                        return;
                    }
                } else if begun.elapsed() >= PERIOD {
                    (begun, used) = (Instant::now(), clock.ms()); // what was not used in a period is lost
                }
            }
        });
    }

    /// The most memory that it had.
    pub(crate) fn peak_kib(&self) -> Result<u64, Box<dyn std::error::Error>> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        Ok(peak.trim().trim_end_matches(" kB").parse()?)
    }

    pub(crate) async fn stop(&mut self) -> std::io::Result<()> {
        self.child.kill().await
    }
}
