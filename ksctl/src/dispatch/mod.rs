//! From the command line to a command: the middle of the three layers.
//!
//! This file gathers the settings once and turns clap's types into what commands take. It decides nothing else. Backups have
//! a file of their own, [`backup`].

mod backup;

use keystead::api::cluster::{AckRequest, CsrRequest, LanesRequest, NewClusterRequest, NewNodeRequest};
use keystead::api::key::{NewKeyRequest, NewVersionRequest, RevokeKeyRequest};
use keystead::firewall::{Bound, Firewall};
use secrecy::ExposeSecret;

use crate::cli::ack::AckCommand;
use crate::cli::alarms::AlarmsCommand;
use crate::cli::backup::BackupCommand;
use crate::cli::backupkeys::BackupkeysCommand;
use crate::cli::cluster::{
    AgreeCommand, CertificatesCommand, ClusterCommand, CsrArgs, FulljoinArgs, JoinArgs, LookCommand, NewArgs,
    SidesArgs, TicketArgs, TrustCommand, UntilArgs,
};
use crate::cli::deploy::{DeployCommand, NftablesArgs};
use crate::cli::keys::{self as key_args, KeysCommand, VkeysCommand};
use crate::cli::lanes::LanesCommand;
use crate::cli::metrics::{MetricsCommand, PrometheusCommand};
use crate::cli::nodes::{self as node_args, NodesCommand};
use crate::cli::page::PageArgs;
use crate::cli::services::ServicesCommand;
use crate::cli::system::{InfoCommand, SystemCommand};
use crate::cli::{Asking, Cli, Command, GlobalArgs, generate};
use crate::commands::cluster::fulljoin::{Access, FullJoin};
use crate::commands::cluster::join::{Sides, Until};
use crate::commands::cluster::ticket::{Part, Ticket};
use crate::commands::keys::OneKey;
use crate::commands::{
    Context, Page, alarms, cluster, completions, deploy, keys, login, man, metrics, nodes, services, system, version,
    watch,
};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::{self, Format, Layer};
use crate::sources::{self, Flags};

/// Runs one command line.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let printer = Printer::new(Format::Json);
    match cli.command {
        Command::Asking(command) => Box::pin(run_asking(cli.global, *command)).await,
        Command::Deploy(DeployCommand::Nftables(args)) if args.unit => deploy::nftables::unit(printer),
        Command::Deploy(DeployCommand::Nftables(args)) => deploy::nftables::rules(printer, &firewall(args)),
        Command::Completions { shell } => completions::run(printer, &generate::completions(shell)),
        Command::Man { dir } => man::run(printer, &generate::man_pages()?, &dir),
    }
}

async fn run_asking(global: GlobalArgs, command: Asking) -> Result<(), Failure> {
    let creates_file = matches!(command, Asking::Login(_));
    let context = Context::new(sources::gather(flags(global), creates_file)?);
    let watch = watched(&command);
    let look = async |context: &Context| run_once(context, command.clone()).await;
    // Boxed, for it is large.
    Box::pin(watch::watch(context, watch, look)).await
}

/// How often to look again, for a command that is to be watched.
fn watched(command: &Asking) -> Option<u64> {
    match command {
        Asking::Cluster(
            ClusterCommand::Info(args)
            | ClusterCommand::Look(LookCommand::Summary(args) | LookCommand::Errors(args) | LookCommand::Links(args)),
        ) => args.watch,
        Asking::Cluster(ClusterCommand::Nodes(NodesCommand::List(args))) => args.page.watch.watch,
        Asking::Alarms(AlarmsCommand::List(args)) => args.page.watch.watch,
        Asking::Keys(KeysCommand::List(args)) => args.page.watch.watch,
        Asking::Vkeys(VkeysCommand::List(args)) => args.page.watch.watch,
        Asking::Backup(BackupCommand::List(args)) => args.page.watch.watch,
        Asking::Backupkeys(BackupkeysCommand::List(args)) => args.page.watch.watch,
        _ => None,
    }
}

async fn run_once(context: &Context, command: Asking) -> Result<(), Failure> {
    match command {
        Asking::Cluster(command) => run_cluster(context, command).await,
        Asking::Alarms(command) => run_alarms(context, command).await,
        Asking::Metrics(MetricsCommand::Prometheus(command)) => run_metrics(context, command).await,
        Asking::Keys(command) => run_keys(context, command).await,
        Asking::Vkeys(command) => run_vkeys(context, command).await,
        Asking::Backup(command) => backup::run(context, command).await,
        Asking::Backupkeys(command) => backup::run_keys(context, command).await,
        Asking::Login(args) => login::run(context, args.new_password).await,
        Asking::Version => version::run(context).await,
        Asking::System(SystemCommand::Info(InfoCommand::Get)) => system::info::get(context).await,
        Asking::Services(ServicesCommand::Status) => services::status::run(context).await,
        Asking::Services(ServicesCommand::Reset(args)) => services::reset::run(context, args.delay, args.node).await,
    }
}

async fn run_cluster(context: &Context, command: ClusterCommand) -> Result<(), Failure> {
    match command {
        ClusterCommand::New(args) => cluster::new::run(context, &new_request(args)).await,
        ClusterCommand::Info(_) => cluster::info::run(context).await,
        ClusterCommand::Csr(args) => {
            let (request, output) = csr_order(args);
            cluster::csr::run(context, &request, &output).await
        }
        ClusterCommand::Join(args) => {
            let (sides, ticket, until) = join_order(args);
            cluster::join::run(context, &sides, ticket.read()?, until).await
        }
        ClusterCommand::Fulljoin(args) => cluster::fulljoin::run(context, fulljoin_order(args)).await,
        ClusterCommand::Preflight(args) => cluster::preflight::run(context, &sides_order(args)).await,
        ClusterCommand::Delete => cluster::delete::run(context).await,
        ClusterCommand::Look(command) => run_look(context, command).await,
        ClusterCommand::Ack(command) => run_ack(context, command).await,
        ClusterCommand::Lanes(command) => run_lanes(context, command).await,
        ClusterCommand::Agree(command) => run_agree(context, command).await,
        ClusterCommand::Trust(command) => run_trust(context, command).await,
        ClusterCommand::Nodes(command) => run_nodes(context, command).await,
    }
}

async fn run_agree(context: &Context, command: AgreeCommand) -> Result<(), Failure> {
    match command {
        AgreeCommand::Wait => cluster::wait::run(context).await,
        AgreeCommand::Verify(args) => cluster::verify::run(context, args.repair).await,
        AgreeCommand::Clashes => cluster::clashes::run(context).await,
        AgreeCommand::Orphans => cluster::orphans::run(context).await,
    }
}

async fn run_trust(context: &Context, command: TrustCommand) -> Result<(), Failure> {
    match command {
        TrustCommand::Certificates(CertificatesCommand::List) => cluster::certificates::list(context).await,
        TrustCommand::Certificates(CertificatesCommand::Renew) => cluster::certificates::renew(context).await,
        TrustCommand::RotateCa => cluster::certificates::rotate_ca(context).await,
    }
}

async fn run_look(context: &Context, command: LookCommand) -> Result<(), Failure> {
    match command {
        LookCommand::Summary(_) => cluster::summary::run(context).await,
        LookCommand::Errors(_) => cluster::errors::run(context).await,
        LookCommand::Links(_) => cluster::links::run(context).await,
    }
}

async fn run_ack(context: &Context, command: AckCommand) -> Result<(), Failure> {
    match command {
        AckCommand::Get => cluster::ack::get(context).await,
        AckCommand::Set(args) => cluster::ack::set(context, &AckRequest { ack: Some(args.ack) }).await,
    }
}

async fn run_lanes(context: &Context, command: LanesCommand) -> Result<(), Failure> {
    match command {
        LanesCommand::Get => cluster::lanes::get(context).await,
        LanesCommand::Set(args) => {
            cluster::lanes::set(
                context,
                &LanesRequest {
                    lanes: Some(args.lanes),
                },
            )
            .await
        }
    }
}

async fn run_nodes(context: &Context, command: NodesCommand) -> Result<(), Failure> {
    match command {
        NodesCommand::Create(args) => {
            let (csr, request) = node_order(args);
            nodes::create::run(context, &csr, request).await
        }
        NodesCommand::List(args) => nodes::list::run(context, page(&args.page)).await,
        NodesCommand::Get(args) => nodes::get::run(context, &args.id).await,
        NodesCommand::Delete(args) => nodes::delete::run(context, &args.id, args.force).await,
    }
}

async fn run_alarms(context: &Context, command: AlarmsCommand) -> Result<(), Failure> {
    match command {
        AlarmsCommand::List(args) => {
            let filter = alarms::list::Filter {
                name: args.name,
                state: args.state,
                severity: args.severity,
                source: args.source,
            };
            alarms::list::run(context, page(&args.page), filter).await
        }
        AlarmsCommand::Get(args) => alarms::get::run(context, &args.id).await,
        AlarmsCommand::Acknowledge(args) => alarms::say::run(context, &args.id, "acknowledge").await,
        AlarmsCommand::Clear(args) => alarms::say::run(context, &args.id, "clear").await,
    }
}

async fn run_metrics(context: &Context, command: PrometheusCommand) -> Result<(), Failure> {
    match command {
        PrometheusCommand::Status => metrics::status(context).await,
        PrometheusCommand::Enable => metrics::change(context, "enable").await,
        PrometheusCommand::Disable => metrics::change(context, "disable").await,
        PrometheusCommand::RenewToken => metrics::change(context, "renew-token").await,
        PrometheusCommand::Get(args) => metrics::get(context, args.api_token, args.file).await,
    }
}

async fn run_keys(context: &Context, command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::Create(mut args) => {
            let ack = args.ack.ack.take();
            keys::create::run(context, &key_order(args), ack.as_deref()).await
        }
        KeysCommand::List(args) => {
            keys::list::run(
                context,
                page(&args.page),
                keys::list::Filter {
                    name: args.name,
                    state: args.state,
                },
            )
            .await
        }
        KeysCommand::Get(args) => keys::get::run(context, &versioned(args)).await,
        KeysCommand::Export(args) => keys::export::run(context, &one_key(args, None)).await,
        KeysCommand::Revoke(args) => {
            let request = RevokeKeyRequest {
                reason: args.reason,
                message: args.message,
            };
            keys::revoke::run(context, &versioned(args.key), &request, args.ack.ack.as_deref()).await
        }
        KeysCommand::Destroy(args) => keys::destroy::run(context, &versioned(args.key), args.ack.ack.as_deref()).await,
        KeysCommand::Delete(args) => keys::delete::run(context, &versioned(args.key), args.ack.ack.as_deref()).await,
    }
}

async fn run_vkeys(context: &Context, command: VkeysCommand) -> Result<(), Failure> {
    match command {
        VkeysCommand::Create(args) => {
            let request = NewVersionRequest {
                material: args.material.map(|material| material.expose_secret().into()),
                encoding: args.encoding,
                description: args.description,
                ..NewVersionRequest::default()
            };
            keys::rotate::run(context, &one_key(args.key, None), &request, args.ack.ack.as_deref()).await
        }
        VkeysCommand::List(args) => keys::versions::run(context, page(&args.page), &one_key(args.key, None)).await,
        VkeysCommand::Get(args) => keys::get::run(context, &one_key(args.key, Some(args.version))).await,
        VkeysCommand::Export(args) => keys::export::run(context, &one_key(args.key, Some(args.version))).await,
    }
}

fn firewall(args: NftablesArgs) -> Firewall {
    Firewall {
        members: args.members,
        postgres: Bound {
            port: args.postgres_port,
            per_source: args.postgres_per_source,
        },
        rest: Bound {
            port: args.rest_port,
            per_source: args.rest_per_source,
        },
    }
}

fn flags(global: GlobalArgs) -> Flags {
    Flags {
        layer: Layer {
            place: None,
            url: global.url,
            username: global.user,
            password: global.password,
            jwt: global.jwt,
            refresh_token: None,
            nosslverify: global.nosslverify,
            cacert: global.cacert,
            timeout_seconds: global.timeout,
            domain: global.domain,
            auth_domain: global.auth_domain,
            connection: global.connection,
            format: global.respfmt.as_deref().and_then(settings::format),
        },
        configfile: global.configfile,
        yes: global.yes,
    }
}

fn page(args: &PageArgs) -> Page {
    Page {
        limit: args.limit,
        skip: args.skip,
    }
}

fn new_request(args: NewArgs) -> NewClusterRequest {
    NewClusterRequest {
        local_node_host: Some(args.host),
        local_node_port: args.port,
        public_address: args.public_address,
    }
}

fn csr_order(args: CsrArgs) -> (CsrRequest, cluster::csr::Output) {
    let output = match args.csrfile {
        Some(path) => cluster::csr::Output::File(path),
        None if args.raw => cluster::csr::Output::Pem,
        None => cluster::csr::Output::Json,
    };
    (
        CsrRequest {
            local_node_host: args.host,
            public_address: args.public_address,
        },
        output,
    )
}

fn join_order(args: JoinArgs) -> (Sides, Ticket, Until) {
    let sides = Sides {
        host: args.host,
        port: args.port,
        public_address: args.public_address,
        member: args.member,
        member_port: args.memberport,
    };
    (sides, ticket(args.ticket), until(&args.until))
}

fn until(args: &UntilArgs) -> Until {
    match (args.block, args.watch) {
        (_, true) => Until::ReadyOrLeft,
        (true, false) => Until::Ready,
        (false, false) => Until::Begun,
    }
}

fn ticket(args: TicketArgs) -> Ticket {
    let blob = args.mkek_blob.map(|blob| blob.expose_secret().to_owned());
    match args.ticketfile {
        Some(path) => Ticket::Whole(path),
        None => Ticket::Parts {
            cert: Part::new(args.cert, args.certfile),
            cachain: Part::new(args.cachain, args.cafile),
            mkek_blob: Part::new(blob, args.mkek_blobfile),
        },
    }
}

fn fulljoin_order(args: FulljoinArgs) -> FullJoin {
    let (sides, access) = sides_order(args.sides);
    FullJoin {
        sides,
        access,
        shared_hsm_partition: args.shared_hsm_partition,
        write_to_config: args.writetoconfig,
        until: until(&args.until),
    }
}

fn sides_order(args: SidesArgs) -> (Sides, Access) {
    let access = match args.newnodeconfig {
        Some(path) => Access::File(path),
        None => Access::Account {
            // clap demands one of the two.
            url: args.newnodeurl.unwrap_or_default(),
            user: args.newnodeuser,
            password: args.newnodepass,
        },
    };
    let sides = Sides {
        host: args.newnodehost,
        port: args.newnodeport,
        public_address: args.newnodepublic,
        member: args.member,
        member_port: args.memberport,
    };
    (sides, access)
}

fn node_order(args: node_args::CreateArgs) -> (nodes::create::Csr, NewNodeRequest) {
    let csr = match args.csrfile {
        Some(path) => nodes::create::Csr::File(path),
        // clap demands one of the two.
        None => nodes::create::Csr::Given(args.csr.unwrap_or_default()),
    };
    let request = NewNodeRequest {
        csr: None,
        new_node_host: Some(args.newnodehost),
        public_address: args.public_address,
        shared_hsm_partition: args.shared_hsm_partition,
    };
    (csr, request)
}

fn key_order(args: key_args::CreateArgs) -> keys::create::Order {
    if let Some(path) = args.jsonfile {
        return keys::create::Order::File(path);
    }
    keys::create::Order::Flags(Box::new(NewKeyRequest {
        name: args.name,
        algorithm: args.alg,
        size: args.size,
        usage_mask: args.usage_mask,
        description: args.description,
        material: args.material.map(|material| material.expose_secret().into()),
        unexportable: args.noexport,
        encoding: args.encoding,
        undeletable: args.nodelete,
        ..NewKeyRequest::default()
    }))
}

fn versioned(args: key_args::VersionedKeyArgs) -> OneKey {
    one_key(args.key, args.version)
}

fn one_key(args: key_args::OneKeyArgs, version: Option<u32>) -> OneKey {
    OneKey {
        name: args.name,
        kind: args.kind,
        version,
    }
}
