//! A scenario over sockets, in wall time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;

use bevy_app::App;
use bevy_ecs::prelude::*;

use super::carrier::{SocketCarrier, SocketCarrierPlugin};
use super::listen_all;
use crate::crypto::CryptoMode;
use crate::gate::GatePlugin;
use crate::kernel::{Instant, KernelPlugin};
use crate::live::clock::WallClock;
use crate::live::engine::{self, Engine};
use crate::live::link_model::LinkShaper;
use crate::live::observe::MeterPlugin;
use crate::live::since_1970;
use crate::live::sockets::{BindError, Names, Sockets};
use crate::live::start::{StartError, serve_metrics};
use crate::mesh::MeshPlugins;
use crate::report::RunRecord;
use crate::scenario::{Scenario, ServiceKind};
use crate::trial::{AdversaryPlugin, NodesPlugin, ObservePlugin, Plan, PlanError, WorkloadPlugin, complete, into_record, take_sample};

/// Why a scenario cannot be played over sockets.
#[derive(thiserror::Error, Debug)]
pub enum PlayError {
    /// It cannot be played at all.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A node cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The swarm cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It asks for something that sockets do not do.
    #[error("sockets cannot play this scenario: {0}")]
    Unplayable(&'static str),
}

/// What whoever waits for a scenario is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// Metrics are served there.
    Metrics(SocketAddr),
    /// This fraction of it is done.
    Done(f64),
}

/// Plays `scenario` over TCP on the loopback interface, in wall time and under its link model. The record is the same as the simulator's, but for the
/// digest: no two runs on sockets are the same. Cryptography is real, whatever the scenario says.
///
/// `progress` is told where metrics of all nodes are served, if `metrics` asks for it, and now and then what fraction is done.
///
/// # Errors
/// Why it cannot be played.
pub fn play(scenario: &Scenario, metrics: Option<SocketAddr>, progress: &dyn Fn(Progress)) -> Result<RunRecord, PlayError> {
    if scenario.network.service == ServiceKind::Datagram {
        return Err(PlayError::Unplayable("its links are datagrams, and TCP is a stream: set network.service to Stream"));
    }
    if scenario.protocols.handshake.is_none() {
        return Err(PlayError::Unplayable("it has no handshake, and sockets do not say who is at their other end"));
    }
    let scenario = Scenario { crypto: CryptoMode::Real, ..scenario.clone() };
    let plan = Arc::new(Plan::new(&scenario, scenario.seed, 1)?);
    let end = Instant::ZERO + scenario.duration;

    let (listeners, addresses) = listen_all(scenario.nodes)?;
    let mut app = App::empty();
    // Time since 1970 at the world's zero is only known when it begins, some milliseconds from now.
    app.add_plugins((
        KernelPlugin::default(),
        MeterPlugin { unix_at_zero: since_1970(), listening: addresses.clone() },
        MeshPlugins(scenario.protocols.clone()),
        GatePlugin,
    ));
    app.add_plugins((
        SocketCarrierPlugin { nodes: scenario.nodes },
        NodesPlugin::<SocketCarrier>::new(plan.clone(), 0),
        ObservePlugin,
        WorkloadPlugin::new(&plan, 0)?,
        AdversaryPlugin::new(&plan, 0)?,
    ));
    let mut world = std::mem::take(app.world_mut());

    let (events, inbox) = mpsc::channel();
    let clock = WallClock::starting_at(Instant::ZERO);
    let timeout = scenario.protocols.handshake.as_ref().map_or_else(Default::default, |config| config.connect_timeout);
    let mut sockets = Sockets::new(events.clone(), clock, Names::of_nodes(addresses), timeout).map_err(StartError::from)?;
    for (node, listener) in listeners.into_iter().enumerate() {
        sockets.listen(node as u32, listener).map_err(StartError::from)?;
    }
    if let Some(address) = metrics {
        progress(Progress::Metrics(serve_metrics(address, &sockets, events.clone())?));
    }
    let mut engine = Engine::new(clock, sockets, inbox);
    engine.shape(Box::new(LinkShaper::for_swarm(plan.clone())));
    world.insert_resource(engine);

    let mut sample_at = (Instant::ZERO + scenario.sample_interval).min(end);
    loop {
        let goes_on = engine::step(&mut world, sample_at);
        let now = world.resource::<Engine>().now();
        while sample_at <= now {
            take_sample(&mut world, sample_at);
            progress(Progress::Done(sample_at.as_secs_f64() / end.as_secs_f64()));
            if sample_at == end {
                engine::close(&mut world);
                // As long as somebody may speak, the engine waits.
                drop(events);
                let mut worlds = [world];
                let mut record = into_record::<SocketCarrier>(&plan, &mut worlds, end);
                complete(&mut record, &scenario, now.as_secs_f64());
                return Ok(record);
            }
            sample_at = (sample_at + scenario.sample_interval).min(end);
        }
        if !goes_on {
            return Err(PlayError::Unplayable("its world has ended before its time"));
        }
    }
}
