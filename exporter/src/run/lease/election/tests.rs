//! Tests of each rule, and randomized simulations: however late or lost responses are, however long processes sleep and
//! however their clocks differ, two processes never act as the holder at the same time.

use super::*;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn record(version: u64, holder: Option<&str>) -> Record {
    Record { version: version.to_string(), holder: holder.map(str::to_owned), lasts: DURATION }
}

#[test]
fn the_lease_of_another_holder_is_taken_only_after_no_change_for_its_duration() {
    let mut election = Election::new("us".to_owned());
    let theirs = record(1, Some("them"));
    // The wait is measured from the first response to the last request.
    assert_eq!(election.decide(Some(&theirs), seconds(100), seconds(102)), Move::Wait);
    assert_eq!(election.decide(Some(&theirs), seconds(116), seconds(118)), Move::Wait);
    assert_eq!(election.decide(Some(&theirs), seconds(117), seconds(118)), Move::Take);
    assert!(!election.rival_lives());
    // Any change starts the wait again, and a longer duration in the lease is respected.
    let long = Record { lasts: seconds(60), ..record(2, Some("them")) };
    assert_eq!(election.decide(Some(&long), seconds(120), seconds(120)), Move::Wait);
    assert!(election.rival_lives());
    assert_eq!(election.decide(Some(&long), seconds(179), seconds(179)), Move::Wait);
    assert_eq!(election.decide(Some(&long), seconds(180), seconds(180)), Move::Take);
    // A shorter duration is not.
    let short = Record { lasts: seconds(1), ..record(3, Some("them")) };
    assert_eq!(election.decide(Some(&short), seconds(200), seconds(200)), Move::Wait);
    assert_eq!(election.decide(Some(&short), seconds(214), seconds(214)), Move::Wait);
    assert_eq!(election.decide(Some(&short), seconds(215), seconds(215)), Move::Take);
}

#[test]
fn the_holder_acts_until_the_deadline_after_the_start_of_its_last_successful_write() {
    let mut election = Election::new("us".to_owned());
    assert_eq!(election.decide(Some(&record(1, None)), seconds(0), seconds(1)), Move::Take);
    assert!(!election.acts(seconds(1)));
    election.written(seconds(1));
    assert!(election.acts(Duration::from_millis(10_999)) && !election.acts(seconds(11)));
    // A failed renewal does not move the deadline.
    assert_eq!(election.decide(Some(&record(2, Some("us"))), seconds(5), seconds(5)), Move::Renew);
    assert_eq!(election.until(), Some(seconds(11)));
    // The deadline has passed, but nobody took the lease, so it can be renewed.
    assert_eq!(election.decide(Some(&record(2, Some("us"))), seconds(60), seconds(60)), Move::Renew);
    assert!(!election.acts(seconds(60)));
    election.written(seconds(61));
    assert!(election.acts(seconds(62)));
    // If another process holds the lease, the term ends at once.
    assert_eq!(election.decide(Some(&record(3, Some("them"))), seconds(63), seconds(63)), Move::Wait);
    assert!(!election.acts(seconds(63)));
}

#[test]
fn a_deleted_lease_is_created_by_its_holder_at_once_and_by_others_after_the_duration() {
    let mut holder = Election::new("us".to_owned());
    holder.decide(Some(&record(1, None)), seconds(0), seconds(0));
    holder.written(seconds(0));
    assert_eq!(holder.decide(None, seconds(2), seconds(2)), Move::Create);
    assert!(holder.acts(seconds(2)));
    let mut other = Election::new("other".to_owned());
    for n in 2..17 {
        assert_eq!(other.decide(None, seconds(n), seconds(n)), Move::Wait);
    }
    assert_eq!(other.decide(None, seconds(17), seconds(17)), Move::Create);
    // A process that did not read the lease for a while cannot know whether it was absent all the time.
    assert_eq!(other.decide(None, seconds(40), seconds(40)), Move::Wait);
}

#[test]
fn a_lease_that_a_manifest_made_or_emptied_is_taken_by_its_holder_at_once_and_by_others_after_the_duration() {
    let empty = |version: u64| Record { lasts: seconds(0), ..record(version, None) };
    let mut holder = Election::new("us".to_owned());
    for n in 0..15 {
        assert_eq!(holder.decide(Some(&empty(1)), seconds(n), seconds(n)), Move::Wait);
    }
    assert_eq!(holder.decide(Some(&empty(1)), seconds(15), seconds(15)), Move::Take);
    holder.written(seconds(15));
    let mut other = Election::new("other".to_owned());
    assert_eq!(other.decide(Some(&empty(3)), seconds(17), seconds(17)), Move::Wait);
    assert_eq!(holder.decide(Some(&empty(3)), seconds(17), seconds(17)), Move::Take);
    assert!(holder.acts(seconds(17)));
}

/// A pseudo-random generator with the same sequence on every machine (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

/// A simulated API server with one lease, whose version rises with each write.
#[derive(Default)]
struct Server {
    record: Option<Record>,
    versions: u64,
}

impl Server {
    /// Writes the lease if its version is still the one that was read.
    fn write(&mut self, read: Option<&Record>, holder: &str) -> bool {
        let same = self.record.as_ref().map(|record| &record.version) == read.map(|record| &record.version);
        if same {
            self.versions += 1;
            self.record = Some(record(self.versions, Some(holder)));
        }
        same
    }
}

/// What a process is waiting for. Times are simulated real time in milliseconds; durations are readings of its own
/// clock.
enum Phase {
    Idle { next: u64 },
    Reading { sent: Duration, served: u64, received: u64 },
    Read { sent: Duration, read: Option<Record>, received: u64 },
    Writing { begun: Duration, read: Option<Record>, served: u64, received: u64 },
    Written { begun: Duration, good: bool, received: u64 },
}

/// A simulated process.
struct Peer {
    name: String,
    election: Election,
    phase: Phase,
    /// Start of its clock in milliseconds, and the rate of the clock in percent of real time.
    offset: u64,
    rate: u64,
    /// Real time in milliseconds until which the process is suspended.
    asleep: u64,
}

impl Peer {
    fn clock(&self, now: u64) -> Duration {
        Duration::from_millis(self.offset + now * self.rate / 100)
    }

    /// Takes one step if it is due. A suspended process receives responses when it continues; requests that it has sent
    /// still arrive.
    fn step(&mut self, now: u64, server: &mut Server, random: &mut Random, calm: bool) {
        let late =
            |random: &mut Random| if !calm && random.below(8) == 0 { random.below(9_000) } else { random.below(40) };
        let awake = now >= self.asleep;
        let phase = std::mem::replace(&mut self.phase, Phase::Idle { next: now + 1_000 + random.below(1_500) });
        self.phase = match phase {
            Phase::Idle { next } if awake && now >= next => {
                let served = now + late(random);
                Phase::Reading { sent: self.clock(now), served, received: served + late(random) }
            }
            Phase::Reading { sent, served, received } if now >= served => {
                Phase::Read { sent, read: server.record.clone(), received }
            }
            Phase::Read { sent, read, received } if awake && now >= received => {
                let lost = !calm && random.below(10) == 0;
                let next = self.election.decide(read.as_ref(), sent, self.clock(now));
                if lost || next == Move::Wait {
                    Phase::Idle { next: now + 1_000 + random.below(1_500) }
                } else {
                    let served = now + late(random);
                    Phase::Writing { begun: self.clock(now), read, served, received: served + late(random) }
                }
            }
            Phase::Writing { begun, read, served, received } if now >= served => {
                let lost = !calm && random.below(10) == 0;
                let good = !lost && server.write(read.as_ref(), &self.name);
                Phase::Written { begun, good, received }
            }
            Phase::Written { begun, good, received } if awake && now >= received => {
                // The response to a successful write may be lost too.
                if good && (calm || random.below(10) > 0) {
                    self.election.written(begun);
                }
                Phase::Idle { next: now + 1_000 + random.below(1_500) }
            }
            other => other,
        };
    }
}

/// Simulates three processes for ten minutes. Returns for how many milliseconds one process acted as the holder, and
/// how often the holder changed. If `calm` is set, nothing is late, lost or suspended.
fn simulate(seed: u64, calm: bool) -> (u64, u64) {
    const STEP: u64 = 5;
    let mut random = Random(seed * 0x9E37_79B9 + 1);
    let mut server = Server::default();
    let mut peers: Vec<Peer> = (0..3)
        .map(|n| Peer {
            name: format!("peer-{n}"),
            election: Election::new(format!("peer-{n}")),
            phase: Phase::Idle { next: random.below(2_000) },
            offset: random.below(1_000_000_000),
            // The error of a real quartz clock is far smaller.
            rate: 95 + random.below(11),
            asleep: 0,
        })
        .collect();
    let (mut acted, mut changes, mut last, mut deleted) = (0, 0, None, 0);
    for now in (0..600_000).step_by(usize::try_from(STEP).unwrap_or(1)) {
        for peer in &mut peers {
            if !calm && now >= peer.asleep && random.below(8_000) == 0 {
                peer.asleep = now + random.below(40_000);
            }
            peer.step(now, &mut server, &mut random, calm);
        }
        if !calm && now >= deleted + 60_000 && random.below(10_000) == 0 {
            // The lease is deleted, or replaced by one that nobody has written.
            server.versions += 1;
            let empty = Record { lasts: Duration::ZERO, ..record(server.versions, None) };
            server.record = (random.below(2) == 0).then_some(empty);
            deleted = now;
        }
        // Suspended processes are checked too, because their packets may still be on their way.
        let acting: Vec<usize> =
            (0..peers.len()).filter(|at| peers[*at].election.acts(peers[*at].clock(now))).collect();
        assert!(acting.len() < 2, "seed {seed}: {acting:?} act at {now} ms");
        if let [one] = acting.as_slice() {
            acted += STEP;
            changes += u64::from(last.replace(*one) != Some(*one));
        }
    }
    (acted, changes)
}

#[test]
fn two_processes_never_act_at_once_under_delays_losses_suspensions_and_deleted_leases() {
    let (mut acted, mut changes) = (0, 0);
    for seed in 1..=150 {
        let (time, often) = simulate(seed, false);
        acted += time;
        changes += often;
    }
    // The simulations are not trivial: the lease is held most of the time, and its holder changes.
    assert!(acted > 150 * 300_000 && changes > 150 * 4, "{acted} ms, {changes} changes");
}

#[test]
fn without_faults_exactly_one_process_keeps_the_lease() {
    for seed in 1..=20 {
        let (acted, changes) = simulate(seed, true);
        // All the time except the initial wait, in which nobody may create the lease.
        assert!(acted > 580_000 && changes == 1, "seed {seed}: {acted} ms, {changes} changes");
    }
}
