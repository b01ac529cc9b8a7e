//! `vhsm fault ...`

use crate::cli::{ClearFaultsArgs, FaultArgs, FaultCommand, ListFaultsArgs, SetFaultArgs};
use crate::cluster::named_or_only;
use crate::failure::Failure;
use crate::{hsm, output, password};
use serde::Serialize;
use std::io::Read;
use std::path::Path;
use vhsm_pkcs11::api::functions;
use vhsm_pkcs11::cluster::faults::{FaultPlan, WrittenPlan};
use vhsm_pkcs11::cluster::{Authority, Cluster, Clusters};
use vhsm_pkcs11::error::Error;

/// A cluster's plan, with the names of the file it is written in.
#[derive(Serialize)]
struct PlanView<'a> {
    cluster: &'a str,
    #[serde(flatten)]
    plan: WrittenPlan,
}

pub fn run(clusters: &Clusters, command: FaultCommand) -> Result<(), Failure> {
    match command {
        FaultCommand::Set(arguments) => set(clusters, &arguments),
        FaultCommand::List(arguments) => list(clusters, &arguments),
        FaultCommand::Clear(arguments) => clear(clusters, &arguments),
    }
}

fn set(clusters: &Clusters, arguments: &SetFaultArgs) -> Result<(), Failure> {
    let cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    let mut text = match &arguments.plan {
        Some(file) => read(file)?,
        None => written(&cluster, &arguments.fault)?,
    };
    if arguments.add {
        text = joined(clusters.fault_plan(&cluster)?.text(), &text);
    }
    let plan = FaultPlan::parse(&text).map_err(Error::from)?;
    let known = functions();
    plan.check_functions(known.iter().map(|function| function.name)).map_err(Error::from)?;
    let login = password::login(clusters, &cluster, arguments.login.pin.as_ref(), "one of its admins")?;
    clusters.set_fault_plan(&cluster, Authority::Admin(&login), &plan)?;
    show(&cluster, &plan)
}

fn list(clusters: &Clusters, arguments: &ListFaultsArgs) -> Result<(), Failure> {
    let cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    show(&cluster, &clusters.fault_plan(&cluster)?)
}

fn clear(clusters: &Clusters, arguments: &ClearFaultsArgs) -> Result<(), Failure> {
    let cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    let login = password::login(clusters, &cluster, arguments.login.pin.as_ref(), "one of its admins")?;
    let plan = FaultPlan::default();
    clusters.set_fault_plan(&cluster, Authority::Admin(&login), &plan)?;
    show(&cluster, &plan)
}

fn show(cluster: &Cluster, plan: &FaultPlan) -> Result<(), Failure> {
    output::json(&PlanView { cluster: &cluster.label, plan: plan.written() })
}

fn read(file: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("fault plan {}: {error}", file.display()));
    if file != Path::new("-") {
        return std::fs::read_to_string(file).map_err(failed);
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Faults in the order of the texts; a seed stands before all of them, and the last one counts.
fn joined(before: &str, added: &str) -> String {
    let (seeds, faults): (Vec<&str>, Vec<&str>) = [before, added]
        .iter()
        .flat_map(|text| text.lines())
        .partition(|line| line.split('=').next().is_some_and(|name| name.trim() == "seed"));
    let lines: Vec<&str> = seeds.last().into_iter().copied().chain(faults).collect();
    lines.join("\n") + "\n"
}

/// The text of a plan with the one fault of the command line. Errors: an HSM that the cluster has not.
fn written(cluster: &Cluster, fault: &FaultArgs) -> Result<String, Failure> {
    let quoted = |text: &String| format!("{text:?}");
    let list = |names: &[String]| format!("[{}]", names.iter().map(quoted).collect::<Vec<_>>().join(", "));
    let hsms: Vec<String> =
        fault.hsm.iter().map(|hsm| hsm::hsm_id(cluster, hsm)).collect::<Result<_, _>>()?;
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let yes = |flag: bool| flag.then(|| "true".to_string());
    let lines = [
        ("hsm", (!hsms.is_empty()).then(|| list(&hsms))),
        ("function", (!fault.function.is_empty()).then(|| list(&fault.function))),
        ("after_calls", number(fault.after_calls)),
        ("after_bytes", number(fault.after_bytes)),
        ("count", number(fault.count)),
        ("rate", fault.rate.map(|rate| format!("{rate:?}"))),
        ("latency_ms", fault.latency_ms.clone()),
        ("error", fault.error.as_ref().map(quoted)),
        ("per_second", fault.per_second.map(|number| format!("{number:?}"))),
        ("when_over", fault.when_over.as_ref().map(quoted)),
        ("lose", yes(fault.lose)),
        ("store_full", yes(fault.store_full)),
        ("user", fault.user.as_ref().map(quoted)),
        ("drift", fault.drift.as_ref().map(quoted)),
        ("key", fault.key.as_ref().map(quoted)),
    ];
    let lines = lines.into_iter().filter_map(|(name, value)| Some(format!("{name} = {}\n", value?)));
    let seed = fault.seed.map(|seed| format!("seed = {seed}\n")).unwrap_or_default();
    Ok(format!("{seed}[[fault]]\n{}", lines.collect::<String>()))
}
