//! Runners over one store, interleaved by a seed: they freeze for longer than their leases, die, lose answers, have clocks that
//! are a day off, and the store goes away.
//!
//! A seed plays nearly the same way each time: threads of the disk come a little earlier or later. A test that fails names it:
//! `VECSHIFT_SEED=N cargo test --lib one_seed -- --ignored`.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use tokio::time::{Instant, Sleep, sleep};

use super::store::{Fault, Shelf, Store, Weather};
use super::{LEASE, PLAN, begun, entry, holder, home, noted, start, texts};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, Event};
use crate::state::bucket::head::Head;
use crate::state::bucket::segment::Header;
use crate::state::bucket::terms::Omit;
use crate::state::{Backend, Bucket, Hold, Log, Taken};

/// Virtual time after which whoever still runs is killed.
const END: Duration = Duration::from_secs(45);
/// The longest time that an effect takes once it began: the grace of the lease.
const EFFECT: Duration = Duration::from_secs(2);

/// Throws for one of the machines: SplitMix64, as Steele, Lea and Flood give it (2014), which costs next to nothing.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// True in so many of ten throws.
    fn tenths(&mut self, count: u64) -> bool {
        self.within(0..10) < count
    }
}

/// What is true, whatever runners believe.
#[derive(Debug, Default)]
struct Truth {
    head: Option<Head>,
    /// The epoch of each take by the name of its holder.
    epochs: BTreeMap<String, u64>,
    /// The newest epoch that has a segment.
    fenced: u64,
    /// The newest epoch under which an effect began, and the ends of effects by their epochs.
    effects: u64,
    under_way: Vec<(u64, Instant)>,
    /// Events that were acknowledged: the run, the number and the text.
    acked: Vec<(String, u64, String)>,
    /// Who has taken a plan and may begin effects.
    entered: BTreeSet<String>,
    /// The epochs that were unlocked before their fence was there.
    unlocked: BTreeSet<u64>,
    /// Runs in the order in which they began.
    runs: u32,
    wrong: Option<String>,
    played: Played,
}

/// What happened in interleavings, to see that all of it does.
#[derive(Clone, Copy, Debug, Default)]
struct Played {
    effects: u64,
    takes: u64,
    /// Takes of a plan whose holder had not let go.
    takeovers: u64,
    /// Runners that found out that they had lost the plan.
    fenced: u64,
    unlocked: u64,
    freezes: u64,
    kills: u64,
}

impl Played {
    fn add(&mut self, other: Self) {
        self.effects += other.effects;
        self.takes += other.takes;
        self.takeovers += other.takeovers;
        self.fenced += other.fenced;
        self.unlocked += other.unlocked;
        self.freezes += other.freezes;
        self.kills += other.kills;
    }
}

#[derive(Clone)]
struct World {
    truth: Arc<Mutex<Truth>>,
    shelf: Shelf,
    began: Instant,
    clocks: Arc<Mutex<Vec<(Clock, Duration)>>>,
    omit: Option<Omit>,
    /// A stretch of time in which the store answers nobody.
    outage: Option<(Duration, Duration)>,
}

impl World {
    fn new(rng: &mut Dice, omit: Option<Omit>) -> Self {
        let truth: Arc<Mutex<Truth>> = Arc::default();
        let seen = truth.clone();
        let shelf = Shelf::watched(move |key, bytes| watch(&mut locked(&seen), key, bytes));
        let outage = rng.tenths(2).then(|| outage(rng));
        Self { truth, shelf, began: Instant::now(), clocks: Arc::default(), omit, outage }
    }

    fn truth(&self) -> MutexGuard<'_, Truth> {
        locked(&self.truth)
    }

    fn wrong(&self, what: String) {
        self.truth().wrong.get_or_insert(what);
    }

    /// Returns a machine's clock, up to a day off.
    fn clock(&self, rng: &mut Dice) -> Clock {
        let off = SignedDuration::from_secs(rng.within(0..172_800) as i64 - 86_400);
        let clock = Clock::test(start().saturating_add(off).unwrap());
        locked(&self.clocks).push((clock.clone(), self.began.elapsed()));
        clock
    }

    /// Lets all clocks go as far as the time has gone.
    fn tick(&self) {
        let now = self.began.elapsed();
        for (clock, at) in locked(&self.clocks).iter_mut() {
            clock.skip(now - *at);
            *at = now;
        }
    }

    fn bucket(&self, rng: &mut Dice) -> Bucket {
        // The way to the store may be cut while the one to the index is not.
        let cut = rng.tenths(3).then(|| outage(rng));
        let dice = Mutex::new(Dice::new(rng.next()));
        let machine = Machine { world: self.clone(), cut, rng: dice };
        let store = Store::new(&self.shelf, Arc::new(machine));
        let clock = self.clock(rng);
        let mut bucket = Bucket::new(Arc::new(store), LEASE, "", clock).unwrap();
        bucket.terms.omit = self.omit;
        bucket
    }

    /// An effect on the index begins here and now; returns how long it takes, whatever becomes of who began it.
    fn effect(&self, name: &str, rng: &mut Dice) -> Duration {
        let now = Instant::now();
        let lasts = Duration::from_millis(
            rng.within(EFFECT.as_millis() as u64 / 2..EFFECT.as_millis() as u64),
        );
        let mut truth = self.truth();
        let epoch = truth.epochs[name];
        let wrong = if truth.fenced > epoch {
            Some(format!("an effect of epoch {epoch} began behind a fence of {}", truth.fenced))
        } else if truth.effects > epoch {
            Some(format!("an effect of epoch {epoch} began after one of {}", truth.effects))
        } else {
            let other = truth.under_way.iter().find(|(of, end)| *of != epoch && *end > now);
            other.map(|(of, _)| format!("effects of {epoch} and {of} ran side by side"))
        };
        if let Some(wrong) = wrong {
            truth.wrong.get_or_insert(wrong);
        }
        truth.effects = truth.effects.max(epoch);
        truth.under_way.retain(|(_, end)| *end > now);
        truth.under_way.push((epoch, now + lasts));
        truth.played.effects += 1;
        lasts
    }

    fn acked(&self, run: &str, entries: &[Entry]) {
        let new = entries.iter().zip(texts(entries));
        self.truth().acked.extend(new.map(|(entry, text)| (run.to_owned(), entry.seq, text)));
    }

    /// Checks that a journal has the first `acked` events of those that were acknowledged, and nothing twice.
    fn check(&self, run: &str, entries: &[Entry], acked: usize) {
        let there = texts(entries);
        let wrong = {
            let truth = self.truth();
            let mut acked = truth.acked[..acked].iter().filter(|(of, ..)| of == run);
            let lost = acked.find(|(_, seq, text)| there.get(*seq as usize) != Some(text));
            lost.map(|(_, seq, text)| {
                format!("event {seq} of {run} was acknowledged as {text}: {there:?}")
            })
        };
        if let Some(wrong) = wrong {
            self.wrong(wrong);
        }
        if entries.iter().map(|entry| entry.seq).ne(0..entries.len() as u64) {
            self.wrong(format!("{run} has a gap: {there:?}"));
        }
        let different: BTreeSet<_> = there.iter().collect();
        if different.len() != there.len() {
            self.wrong(format!("an event of {run} is there twice: {there:?}"));
        }
    }
}

/// A stretch of time in which requests do not arrive.
fn outage(rng: &mut Dice) -> (Duration, Duration) {
    let from = Duration::from_millis(rng.within(0..END.as_millis() as u64));
    (from, from + Duration::from_millis(rng.within(3_000..30_000)))
}

/// Takes down whose epoch is which, and where the fences are.
fn watch(truth: &mut Truth, key: &str, bytes: &Bytes) {
    if key.ends_with("head.json") {
        let head: Head = serde_json::from_slice(bytes).unwrap();
        let name = |head: &Head| head.holder.as_ref().map(|holder| holder.name.clone());
        let before = truth.head.as_ref().and_then(name);
        if let Some(now) = name(&head) {
            truth.played.takeovers += u64::from(before.is_some_and(|before| before != now));
            truth.epochs.insert(now, head.epoch);
        }
        truth.head = Some(head);
    } else if key.contains("/log/") {
        truth.fenced = truth.fenced.max(Header::read(bytes, key).unwrap().epoch);
    }
}

/// The way of one machine to the store.
struct Machine {
    world: World,
    cut: Option<(Duration, Duration)>,
    rng: Mutex<Dice>,
}

impl Weather for Machine {
    fn next(&self) -> (Duration, Fault, Duration) {
        self.world.tick();
        let rng = &mut *locked(&self.rng);
        let mut way = || match rng.within(0..100) {
            0..3 => Duration::from_millis(rng.within(500..6_000)),
            _ => Duration::from_millis(rng.within(1..60)),
        };
        let (there, back) = (way(), way());
        let now = self.world.began.elapsed();
        if [self.cut, self.world.outage]
            .into_iter()
            .flatten()
            .any(|(from, to)| (from..to).contains(&now))
        {
            return (Duration::from_millis(200), Fault::RequestLost, Duration::ZERO);
        }
        let fault = match rng.within(0..160) {
            0..2 => Fault::AnswerLost,
            2..4 => Fault::RequestLost,
            4..7 => Fault::Late(Duration::from_millis(rng.within(10..40_000))),
            7 => Fault::Conflict,
            8 => Fault::Doubled,
            9 => Fault::Mute,
            10 => Fault::Gone,
            11 => Fault::Slow,
            _ => Fault::Fine,
        };
        (there, fault, back)
    }
}

/// A process that stands still now and then, for as long as the seed says.
struct Freezing<F> {
    process: Pin<Box<F>>,
    frozen: Option<Pin<Box<Sleep>>>,
    rng: Dice,
    world: World,
}

impl<F: Future> Future for Freezing<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if self.frozen.is_none() && self.rng.within(0..60) == 0 {
            let longest = if self.rng.tenths(5) { 3_000 } else { 40_000 };
            let time = Duration::from_millis(self.rng.within(1..longest));
            self.frozen = Some(Box::pin(sleep(time)));
            self.world.truth().played.freezes += 1;
        }
        if let Some(frozen) = &mut self.frozen {
            std::task::ready!(frozen.as_mut().poll(context));
            self.frozen = None;
            self.world.tick();
        }
        self.process.as_mut().poll(context)
    }
}

/// Takes the plan several times, each time as another process.
async fn runner(world: World, number: u32, mut rng: Dice) {
    let mut tries = 0;
    while tries < 8 {
        tries += 1;
        let name = format!("{number}.{tries}");
        let home = world.bucket(&mut rng).home(PLAN);
        let acked = world.truth().acked.len();
        match home.take(&holder(&name)).await {
            Ok(taken) => {
                if let Some(run) = run_of(&taken.entries) {
                    world.check(&run, &taken.entries, acked);
                }
                if let Err(error) = work(&world, &name, taken, &mut rng).await {
                    judge(&world, &name, &error);
                }
                tries += 3;
            }
            Err(error) => judge(&world, &name, &error),
        }
        sleep(Duration::from_millis(rng.within(200..4_000))).await;
    }
}

/// Says whether an error is one that a runner may come to.
fn judge(world: &World, name: &str, error: &Error) {
    match error.kind() {
        ErrorKind::Locked => {
            let mut truth = world.truth();
            let was_in = u64::from(truth.entered.contains(name));
            truth.played.fenced += was_in;
        }
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::RateLimited => {}
        _ => world.wrong(format!("{name} came to: {error}")),
    }
}

async fn work(world: &World, name: &str, taken: Taken, rng: &mut Dice) -> Result<()> {
    let Taken { mut log, entries } = taken;
    {
        let mut truth = world.truth();
        truth.entered.insert(name.to_owned());
        truth.played.takes += 1;
        if truth.unlocked.contains(&truth.epochs[name]) && world.omit.is_none() {
            truth.wrong.get_or_insert(format!("{name} was unlocked before it had the plan"));
        }
    }
    let hold = log.hold();
    let is_left = rng.tenths(6);
    let done = tokio::select! {
        biased;
        error = hold.keep() => Err(error),
        done = steps(world, name, (&mut *log, &*hold), entries, rng) => done,
    };
    if is_left {
        log.release().await;
    }
    done
}

fn run_of(entries: &[Entry]) -> Option<String> {
    match &entries.first()?.event {
        Event::RunStarted { run, .. } => Some(run.clone()),
        _ => None,
    }
}

async fn steps(
    world: &World,
    name: &str,
    (log, hold): (&mut dyn Log, &dyn Hold),
    entries: Vec<Entry>,
    rng: &mut Dice,
) -> Result<()> {
    let mut seq = entries.len() as u64;
    let mut run = run_of(&entries);
    let mut has_ended = entries.last().is_some_and(|entry| entry.event == Event::RunFinished);
    // What is copied goes on without a word.
    if run.is_some() && rng.tenths(3) {
        batch(world, name, hold, rng).await?;
    }
    for step in 0..rng.within(1..5) {
        if run.is_none() || has_ended {
            if let Some(run) = &run {
                log.archive(run).await?;
            }
            let new = {
                let mut truth = world.truth();
                truth.runs += 1;
                format!("R{}", truth.runs)
            };
            (run, seq, has_ended) = (Some(new.clone()), 0, false);
            let started = [entry(0, begun(&new))];
            log.append(&started).await?;
            world.acked(&new, &started);
            seq += 1;
        }
        let of = run.clone().unwrap_or_default();
        let intents: Vec<_> = (0..rng.within(1..3))
            .map(|nth| entry(seq + nth, noted(format!("{name}/{step}/{nth}"))))
            .collect();
        seq += intents.len() as u64;
        log.append(&intents).await?;
        world.acked(&of, &intents);
        // A copy goes on for long without a word.
        let batches = if rng.tenths(3) { 6..14 } else { 1..3 };
        for _ in 0..rng.within(batches) {
            batch(world, name, hold, rng).await?;
            sleep(Duration::from_millis(rng.within(10..1_500))).await;
        }
        if rng.tenths(1) {
            let finished = [entry(seq, Event::RunFinished)];
            log.append(&finished).await?;
            world.acked(&of, &finished);
            has_ended = true;
        }
    }
    Ok(())
}

/// An effect of those that are looked at and not intended one by one.
async fn batch(world: &World, name: &str, hold: &dyn Hold, rng: &mut Dice) -> Result<()> {
    world.tick();
    hold.pass().await?;
    // Whoever lets go of a plan has seen the end of what it did.
    sleep(world.effect(name, rng)).await;
    Ok(())
}

/// Reads again and again: a journal only ever grows.
async fn observer(world: World, mut rng: Dice) {
    let clean = World { outage: None, ..world.clone() };
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    loop {
        sleep(Duration::from_millis(rng.within(8_000..40_000))).await;
        let acked = clean.truth().acked.len();
        let home = clean.bucket(&mut rng).home(PLAN);
        let entries = match home.entries().await {
            Ok(entries) => entries,
            Err(error) => {
                judge(&world, "an observer", &error);
                continue;
            }
        };
        let Some(run) = run_of(&entries) else {
            if acked > 0 {
                world.wrong(format!("{acked} events were acknowledged, and no run is seen"));
            }
            continue;
        };
        world.check(&run, &entries, acked);
        let now = texts(&entries);
        if let Some(before) = seen.insert(run.clone(), now.clone())
            && !now.starts_with(&before)
        {
            world.wrong(format!("{run} was {before:?} and is {now:?}"));
        }
    }
}

/// Unlocks who has the plan and has not yet read it: before its fence, so that it must not begin anything.
async fn operator(world: World, mut rng: Dice) {
    let home = home(&world.shelf);
    loop {
        sleep(Duration::from_millis(rng.within(20..2_000))).await;
        let (head, is_in) = {
            let truth = world.truth();
            let Some(Head { holder: Some(holder), run: Some(_), epoch, .. }) = &truth.head else {
                continue;
            };
            let is_in = truth.entered.contains(&holder.name) || truth.fenced >= *epoch;
            (truth.head.clone(), is_in)
        };
        let Some(Head { lock: Some(lock), epoch, .. }) = head else { continue };
        if !is_in && home.unlock(&lock).await.is_ok() {
            let mut truth = world.truth();
            truth.unlocked.insert(epoch);
            truth.played.unlocked += 1;
        }
    }
}

/// Plays one interleaving.
fn play(seed: u64, omit: Option<Omit>) -> Result<Played, String> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut rng = Dice::new(seed);
        let world = World::new(&mut rng, omit);
        // The place is known to keep its conditions.
        home(&world.shelf).take(&holder("first")).await.unwrap().log.release().await;
        let mut fork = || Dice::new(rng.next());
        let observing = fork().tenths(5).then(|| tokio::spawn(observer(world.clone(), fork())));
        let operating = fork().tenths(5).then(|| tokio::spawn(operator(world.clone(), fork())));
        let runners: Vec<_> = (0..2 + seed % 2)
            .map(|number| {
                let process = Box::pin(runner(world.clone(), number as u32, fork()));
                let process = Freezing { process, frozen: None, rng: fork(), world: world.clone() };
                let mut rng = fork();
                let is_killed = rng.tenths(3);
                let lives = match is_killed {
                    true => Duration::from_millis(rng.within(0..END.as_millis() as u64 / 2)),
                    false => END,
                };
                let world = world.clone();
                tokio::spawn(async move {
                    // Whatever it has sent goes on its way.
                    if tokio::time::timeout(lives, process).await.is_err() {
                        world.truth().played.kills += 1;
                    }
                })
            })
            .collect();
        for runner in runners {
            runner.await.map_err(|error| error.to_string())?;
        }
        for watching in [observing, operating].into_iter().flatten() {
            watching.abort();
        }
        last(&world).await;
        let mut truth = world.truth();
        let played = truth.played;
        truth.wrong.take().map_or(Ok(played), |wrong| Err(format!("seed {seed}: {wrong}")))
    })
}

/// All are gone: somebody takes the plan once the lease is over, and everything is there.
async fn last(world: &World) {
    let home = home(&world.shelf);
    sleep(Duration::from_secs(60)).await;
    match home.take(&holder("last")).await {
        Ok(taken) => taken.log.release().await,
        Err(error) => world.wrong(format!("nobody can take the plan any more: {error}")),
    }
    let runs: BTreeSet<_> = world.truth().acked.iter().map(|(run, ..)| run.clone()).collect();
    let acked = world.truth().acked.len();
    for run in runs {
        match home.entries_of(&run).await {
            Ok(entries) => world.check(&run, &entries.unwrap_or_default(), acked),
            Err(error) => world.wrong(format!("{run} cannot be read: {error}")),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays interleavings on as many threads as there are; returns what happened, or the first that is wrong.
fn play_all(seeds: std::ops::Range<u64>) -> Result<Played, String> {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    std::thread::scope(|scope| {
        let share = |thread: u64| seeds.clone().skip(thread as usize).step_by(threads as usize);
        let playing: Vec<_> = (0..threads)
            .map(|thread| {
                let seeds = share(thread);
                scope.spawn(move || -> Result<Played, String> {
                    let mut all = Played::default();
                    for seed in seeds {
                        all.add(play(seed, None)?);
                    }
                    Ok(all)
                })
            })
            .collect();
        let mut all = Played::default();
        for playing in playing {
            all.add(playing.join().unwrap()?);
        }
        Ok(all)
    })
}

#[expect(clippy::disallowed_methods, reason = "a test is told how long it may take")]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_interleaving_of_runners_has_two_at_work_or_loses_an_event() {
    let usual = if variable("VECSHIFT_LONG").is_some() { 250_000 } else { 10_000 };
    let count = variable("VECSHIFT_SEEDS").unwrap_or(usual);
    let began = crate::clock::Stopwatch::start();
    let played = play_all(0..count).unwrap();
    println!("{count} interleavings in {:?}: {played:?}", began.elapsed());
    // All of it happened, over and over.
    let least = count / 50;
    let Played { effects, takes, takeovers, fenced, unlocked, freezes, kills } = played;
    for (what, times) in [
        ("effects", effects),
        ("takes", takes),
        ("takeovers", takeovers),
        ("fenced", fenced),
        ("unlocked", unlocked),
        ("freezes", freezes),
        ("kills", kills),
    ] {
        assert!(times > least, "{what}: {times}");
    }
}

/// What each part of the protocol is for: without it, some interleaving goes wrong.
#[test]
fn without_the_fence_the_look_or_the_grace_an_interleaving_goes_wrong() {
    for omit in [Omit::Fence, Omit::Look, Omit::Grace] {
        let found = (0..20_000).find_map(|seed| Some((seed, play(seed, Some(omit)).err()?)));
        let (seed, wrong) = found.unwrap_or_else(|| panic!("{omit:?} is not missed"));
        println!("without {omit:?}, after {} interleavings: {wrong}", seed + 1);
    }
}

#[test]
#[ignore = "plays the seed that another test named"]
fn one_seed() {
    println!("{:?}", play(variable("VECSHIFT_SEED").unwrap_or(0), None).unwrap());
}
