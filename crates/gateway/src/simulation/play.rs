//! What happens in a simulation, drawn from the seed: people, weather, people's mistakes, and the ends of the gateway's lives.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chela_agent::Clock;
use chela_channels::{ChatKind, InboundEvent, InboundMessage, Mention, MessageId, PlaceName, Sender};
use chela_store::fault;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::automations::Automations;
use super::check;
use super::dice::Dice;
use super::life::{self, Ground};
use super::model::ScriptedModel;
use super::platform::{Break, Event, Expect, Platform, Weather};
use super::stage::Stage;
use crate::app::Gateway;
use crate::start;

/// Lives that end by a fault; more make a run longer and find nothing new.
const CRASHES_MAX: u32 = 5;
/// Time in which everything must come to rest once nothing goes wrong any more.
const REST_MAX: Duration = Duration::from_hours(1);
/// How often a gateway that should come to rest is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long a gateway that has nothing to do is watched.
const WATCH: Duration = Duration::from_mins(2);

/// One run, from an empty store to its end.
pub(super) struct Play<'a> {
    stage: Arc<Stage>,
    platforms: [Arc<Platform>; 2],
    model: Arc<ScriptedModel>,
    dir: &'a Path,
    automations: Automations,
    dice: Dice,
    rules: Rules,
    steps: u64,
    names: u64,
    crashes: u32,
    lives: u32,
    /// What showed when everything was quiet: a further life must add nothing.
    rested: Option<usize>,
}

/// What the configuration says now.
#[derive(Debug, Clone, Copy)]
struct Rules {
    mode: &'static str,
    scope: &'static str,
    at_once: u64,
    mention: bool,
    cem_may: bool,
    preview: &'static str,
}

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LifeEnd {
    Killed,
    Stopped,
    /// Everything was quiet, and held.
    Rested,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Say,
    Stranger,
    Command,
    Edit,
    Delete,
    Repeat,
    Weather,
    Cut,
    Reload,
    Kill,
    Stop,
    Wait,
}

/// How often each happens, in shares.
const ACTS: &[(Act, u64)] = &[
    (Act::Say, 46),
    (Act::Stranger, 3),
    (Act::Command, 6),
    (Act::Edit, 5),
    (Act::Delete, 4),
    (Act::Repeat, 6),
    (Act::Weather, 9),
    (Act::Cut, 6),
    (Act::Reload, 5),
    (Act::Kill, 3),
    (Act::Stop, 3),
    (Act::Wait, 6),
];

impl<'a> Play<'a> {
    pub(super) fn new(
        stage: &Arc<Stage>,
        platforms: [Arc<Platform>; 2],
        model: Arc<ScriptedModel>,
        dir: &'a Path,
    ) -> Self {
        let mut dice = Dice::new(stage.seed, "play");
        let rules = Rules {
            mode: dice.pick(&["steer", "followup", "collect", "interrupt"]),
            scope: dice.pick(&["main", "per-channel-peer", "per-peer"]),
            at_once: 1 + dice.below(4),
            mention: true,
            cem_may: dice.percent(50),
            preview: dice.pick(&["off", "off", "partial", "progress"]),
        };
        let steps = 8 + dice.below(24);
        let (stage, automations) = (stage.clone(), Automations::new(stage));
        Self {
            stage,
            platforms,
            model,
            dir,
            automations,
            dice,
            rules,
            steps,
            names: 0,
            crashes: 0,
            lives: 0,
            rested: None,
        }
    }

    /// Lives until the run is over. `at_ms` is when it begins; returns when and how it ended.
    pub(super) async fn live(&mut self, at_ms: i64) -> (LifeEnd, i64) {
        let died = fault::live_here();
        self.lives += 1;
        self.stage.set_clock(Clock::manual(at_ms));
        self.arm();
        let ended = {
            let life = std::panic::AssertUnwindSafe(self.one_life(at_ms)).catch_unwind();
            tokio::select! {
                biased;
                () = died.notified() => Ok(LifeEnd::Killed),
                ended = life => ended,
            }
        };
        let ended = ended.unwrap_or_else(|panic| {
            if fault::is_dead_here() { LifeEnd::Killed } else { std::panic::resume_unwind(panic) }
        });
        if ended == LifeEnd::Killed {
            self.crashes += 1;
            self.stage.died();
        }
        self.stage.note(format!("life {} ends: {ended:?}", self.lives));
        let now_ms = self.stage.now_ms();
        self.stage.set_clock(Clock::manual(now_ms));
        (ended, now_ms)
    }

    /// Whether the run is over: everything was quiet, and stayed so in a further life.
    pub(super) fn is_over(&self, ended: LifeEnd) -> bool {
        ended == LifeEnd::Rested && self.rested.is_some()
    }

    fn arm(&mut self) {
        if self.stage.is_calm() || self.crashes >= CRASHES_MAX || !self.dice.percent(70) {
            return self.stage.note(format!("life {} begins", self.lives));
        }
        let (point, passes) = (self.dice.pick(fault::POINTS), 1 + u32::try_from(self.dice.below(4)).unwrap_or(0));
        let point = self.automations.point().unwrap_or(point);
        self.stage.note(format!("life {} begins; it ends at {point}, pass {passes}", self.lives));
        fault::arm_here(point, passes);
    }

    async fn one_life(&mut self, at_ms: i64) -> LifeEnd {
        let ground = Ground { stage: &self.stage, model: &self.model, dir: self.dir, automations: &self.automations };
        let gateway = life::begin(&ground, &self.rules.config(), at_ms).await;
        while self.steps > 0 {
            self.steps -= 1;
            let pause = match self.dice.below(4) {
                0 => Duration::ZERO,
                1 | 2 => self.dice.millis(1_000),
                _ => self.dice.millis(8_000),
            };
            sleep(pause).await;
            if let Some(ended) = self.act(&gateway).await {
                return ended;
            }
            self.automations.look(&gateway).await;
        }
        self.rest(&gateway).await;
        LifeEnd::Rested
    }

    async fn act(&mut self, gateway: &Arc<Gateway>) -> Option<LifeEnd> {
        let act = self.draw();
        match act {
            Act::Say => self.say(),
            Act::Stranger => self.stranger(),
            Act::Command => self.command(),
            Act::Edit => self.edit(),
            Act::Delete => self.delete(),
            Act::Repeat => self.platform().repeat(&mut self.dice),
            Act::Weather => self.weather(),
            Act::Cut => {
                let how = self.dice.pick(&[Break::Disconnect, Break::Disconnect, Break::Panic]);
                self.platform().cut(how);
            }
            Act::Reload => self.reload(gateway),
            Act::Kill if self.crashes < CRASHES_MAX => {
                fault::die_here();
                std::future::pending::<()>().await;
            }
            Act::Kill => {}
            Act::Stop => {
                self.stage.note("stops");
                start::wind_down(gateway).await;
                return Some(LifeEnd::Stopped);
            }
            Act::Wait => {
                let pause = self.dice.millis(120_000);
                sleep(pause).await;
            }
        }
        None
    }

    fn draw(&mut self) -> Act {
        let all: u64 = ACTS.iter().map(|(_, share)| share).sum();
        let mut left = self.dice.below(all);
        for (act, share) in ACTS {
            if left < *share {
                return *act;
            }
            left -= share;
        }
        Act::Wait
    }

    fn platform(&mut self) -> Arc<Platform> {
        let at = self.dice.index(self.platforms.len());
        self.platforms[at].clone()
    }

    /// Somebody says something, often more than once.
    fn say(&mut self) {
        let platform = self.platform();
        let person = self.dice.pick(&["ann", "ann", "ann", "bob", "cem"]);
        let group = self.dice.percent(35);
        let mention = self.dice.percent(60);
        for _ in 0..self.dice.pick(&[1, 1, 1, 2, 3, 5]) {
            let name = self.name("m");
            let text = format!("[{name}] please");
            let message = message(&platform, &name, person, group.then_some(mention), text);
            let expect = match (person, group, mention) {
                ("cem", false, _) if self.rules.cem_may => Expect::Either,
                ("cem", ..) | (_, true, false) => Expect::Either,
                _ => Expect::Answer,
            };
            self.happened(&platform, Event::new(name, InboundEvent::Message(Box::new(message)), expect));
        }
    }

    fn stranger(&mut self) {
        let platform = self.platform();
        let name = self.name("m");
        let message = message(&platform, &name, "dan", None, format!("[{name}] let me in"));
        let event = Event::new(name, InboundEvent::Message(Box::new(message)), Expect::Silence);
        self.happened(&platform, Event { is_of_stranger: true, ..event });
    }

    fn command(&mut self) {
        let platform = self.platform();
        let (name, text) = (self.name("m"), self.dice.pick(&["/help", "/status", "/stop", "/new"]));
        if matches!(text, "/stop" | "/new") {
            self.stage.allow_abort();
        }
        let person = self.dice.pick(&["ann", "bob"]);
        let group = self.dice.percent(30).then_some(true);
        let message = message(&platform, &name, person, group, text.to_owned());
        let event = Event::new(name, InboundEvent::Message(Box::new(message)), Expect::Answer);
        self.happened(&platform, Event { is_command: true, ..event });
    }

    /// Somebody changes the last thing that was said.
    fn edit(&mut self) {
        let platform = self.platform();
        let Some((before, mut message)) = last_said(&platform) else { return };
        let name = self.name("e");
        message.text = format!("[{before}v{name}] please, and well");
        message.event.clone_from(&name);
        self.happened(&platform, Event::new(name, InboundEvent::Edited(Box::new(message)), Expect::News));
    }

    fn delete(&mut self) {
        let platform = self.platform();
        let Some((_, message)) = last_said(&platform) else { return };
        self.stage.allow_abort();
        let name = self.name("d");
        let event = InboundEvent::Deleted { chat: message.chat, message: message.message };
        self.happened(&platform, Event::new(name, event, Expect::News));
    }

    fn weather(&mut self) {
        let weather = if self.dice.percent(35) { Weather::default() } else { Weather::foul(&mut self.dice) };
        self.platform().set_weather(weather);
    }

    fn reload(&mut self, gateway: &Arc<Gateway>) {
        self.rules.mode = self.dice.pick(&["steer", "followup", "collect", "interrupt"]);
        self.rules.cem_may = self.dice.percent(50);
        self.stage.note(format!("reload: {:?}", self.rules));
        self.heed();
        life::reload(gateway, &self.rules.config());
    }

    fn happened(&mut self, platform: &Platform, event: Event) {
        self.heed();
        platform.note(format!("{}: {}", event.name, told(&event.what)));
        platform.happened(event);
    }

    /// Tells the stage what the rules allow.
    fn heed(&self) {
        if self.rules.mode == "interrupt" {
            self.stage.allow_abort();
        }
        if self.rules.preview != "off" {
            self.stage.allow_previews();
        }
    }

    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    /// Nothing goes wrong any more: everything must come to its end, and hold.
    async fn rest(&mut self, gateway: &Arc<Gateway>) {
        fault::disarm_here();
        if !self.stage.is_calm() {
            self.stage.calm_down();
            for platform in &self.platforms {
                platform.set_weather(Weather::default());
            }
        }
        self.automations.calm_down(gateway).await;
        let resting = async {
            while !self.is_quiet(gateway).await {
                sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(REST_MAX, resting).await.is_err() {
            self.stage.complain("an hour was not enough to come to rest");
        }
        sleep(WATCH).await;
        let shown = self.platforms.iter().map(|platform| platform.shown().len()).sum();
        match self.rested.replace(shown) {
            None => {
                self.audit(gateway).await;
                // One more life, and only then the run is over.
                fault::die_here();
                std::future::pending::<()>().await;
            }
            Some(before) if before != shown => self.stage.complain("G7: a life that had nothing to do said something"),
            Some(_) => {}
        }
    }

    async fn audit(&self, gateway: &Gateway) {
        self.automations.audit(gateway, &self.platforms).await;
        for platform in &self.platforms {
            if let Err(error) = check::all_is_well(gateway, &self.stage, platform).await {
                self.stage.complain(format!("the store can't be read: {error}"));
            }
            let (opened, cuts) = platform.connections();
            if opened > self.lives + cuts {
                self.stage.complain(format!("G14: {} was opened {opened} times and cut {cuts}", platform.name));
            }
        }
    }

    async fn is_quiet(&self, gateway: &Gateway) -> bool {
        let heard = self.platforms.iter().all(|platform| platform.is_heard());
        let open = gateway.store.open_inbox().await.map_or(1, |open| open.len());
        let waiting = gateway.store.next_outbox_due().await.is_ok_and(|due| due.is_none());
        heard && open == 0 && waiting && gateway.sessions.is_idle() && self.automations.are_quiet(gateway).await
    }
}

impl Rules {
    fn config(self) -> Value {
        let channel = json!({ "mention": self.mention, "cem": self.cem_may, "preview": self.preview });
        json!({
            "agents": { "defaults": {
                "model": "script/one", "maxConcurrent": self.at_once, "skipBootstrap": true, "skills": [],
            }},
            "session": { "dmScope": self.scope },
            "messages": { "queue": { "mode": self.mode } },
            "channels": { "alpha": channel, "beta": channel },
        })
    }
}

/// A message of `person`: direct, or in the group with or without a mention.
fn message(platform: &Platform, name: &str, person: &str, group: Option<bool>, text: String) -> InboundMessage {
    let chat = if group.is_some() { "g1".to_owned() } else { format!("d-{person}") };
    InboundMessage {
        event: name.to_owned(),
        chat_kind: if group.is_some() { ChatKind::Group } else { ChatKind::Direct },
        message: MessageId(platform.next_id().to_string()),
        chat_id: if group.is_some() { chat.clone() } else { person.to_owned() },
        sender: Sender { id: person.to_owned(), name: person.to_owned(), ..Sender::default() },
        text,
        mention: Mention { us: group == Some(true), others: false },
        places: match group {
            Some(_) => vec![PlaceName { id: chat.clone(), names: Vec::new() }],
            None => Vec::new(),
        },
        sent_at_ms: platform.stage.now_ms(),
        chat,
        ..InboundMessage::default()
    }
}

fn last_said(platform: &Platform) -> Option<(String, InboundMessage)> {
    platform.events().into_iter().rev().find_map(|event| match event.what {
        InboundEvent::Message(message) if !event.is_command && !event.is_of_stranger => Some((event.name, *message)),
        _ => None,
    })
}

fn told(event: &InboundEvent) -> String {
    match event {
        InboundEvent::Message(said) => {
            format!("{} says in {} as {}: {}", said.sender.id, said.chat, said.message.0, said.text)
        }
        InboundEvent::Edited(said) => format!("{} in {} is now {}", said.message.0, said.chat, said.text),
        InboundEvent::Deleted { chat, message } => format!("{} in {chat} is deleted", message.0),
        InboundEvent::Reaction(_) => "a reaction".to_owned(),
    }
}
