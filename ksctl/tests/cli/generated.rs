//! Completions and man pages, which are made from the program itself.

use crate::ksctl::User;

#[test]
fn completions_know_the_commands_whatever_the_settings_say() {
    let user = User::new().unwrap().with("KSCTL_TIMEOUT", "nonsense");
    for shell in ["bash", "zsh", "fish"] {
        let ran = user.run(&format!("completions {shell}")).unwrap();
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "for {shell}");
        assert!(ran.out.contains("fulljoin"), "{shell} knows no fulljoin");
    }
}

const PAGES: &str = "
    ksctl-alarms-acknowledge.1
    ksctl-alarms-clear.1
    ksctl-alarms-get.1
    ksctl-alarms-list.1
    ksctl-alarms.1
    ksctl-backup-create.1
    ksctl-backup-delete.1
    ksctl-backup-download.1
    ksctl-backup-get.1
    ksctl-backup-inspect.1
    ksctl-backup-list.1
    ksctl-backup-restore.1
    ksctl-backup-status.1
    ksctl-backup-upload.1
    ksctl-backup.1
    ksctl-backupkeys-create.1
    ksctl-backupkeys-default.1
    ksctl-backupkeys-delete.1
    ksctl-backupkeys-download.1
    ksctl-backupkeys-get.1
    ksctl-backupkeys-inspect.1
    ksctl-backupkeys-list.1
    ksctl-backupkeys-upload.1
    ksctl-backupkeys.1
    ksctl-cluster-ack-get.1
    ksctl-cluster-ack-set.1
    ksctl-cluster-ack.1
    ksctl-cluster-certificates-list.1
    ksctl-cluster-certificates-renew.1
    ksctl-cluster-certificates.1
    ksctl-cluster-clashes.1
    ksctl-cluster-csr.1
    ksctl-cluster-delete.1
    ksctl-cluster-errors.1
    ksctl-cluster-fulljoin.1
    ksctl-cluster-info.1
    ksctl-cluster-join.1
    ksctl-cluster-lanes-get.1
    ksctl-cluster-lanes-set.1
    ksctl-cluster-lanes.1
    ksctl-cluster-links.1
    ksctl-cluster-new.1
    ksctl-cluster-nodes-create.1
    ksctl-cluster-nodes-delete.1
    ksctl-cluster-nodes-get.1
    ksctl-cluster-nodes-list.1
    ksctl-cluster-nodes.1
    ksctl-cluster-orphans.1
    ksctl-cluster-preflight.1
    ksctl-cluster-rotate-ca.1
    ksctl-cluster-summary.1
    ksctl-cluster-verify.1
    ksctl-cluster-wait.1
    ksctl-cluster.1
    ksctl-completions.1
    ksctl-deploy-nftables.1
    ksctl-deploy.1
    ksctl-keys-create.1
    ksctl-keys-delete.1
    ksctl-keys-destroy.1
    ksctl-keys-export.1
    ksctl-keys-get.1
    ksctl-keys-list.1
    ksctl-keys-revoke.1
    ksctl-keys.1
    ksctl-login.1
    ksctl-man.1
    ksctl-metrics-prometheus-disable.1
    ksctl-metrics-prometheus-enable.1
    ksctl-metrics-prometheus-get.1
    ksctl-metrics-prometheus-renew-token.1
    ksctl-metrics-prometheus-status.1
    ksctl-metrics-prometheus.1
    ksctl-metrics.1
    ksctl-services-reset.1
    ksctl-services-status.1
    ksctl-services.1
    ksctl-system-info-get.1
    ksctl-system-info.1
    ksctl-system.1
    ksctl-version.1
    ksctl-vkeys-create.1
    ksctl-vkeys-export.1
    ksctl-vkeys-get.1
    ksctl-vkeys-list.1
    ksctl-vkeys.1
    ksctl.1
    ";

#[test]
fn there_is_a_man_page_for_every_command() {
    let user = User::new().unwrap();
    assert_eq!(user.run("man --dir pages").unwrap().code, Some(0));
    let mut names: Vec<_> = std::fs::read_dir(user.path("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, PAGES.split_whitespace().collect::<Vec<_>>());
    assert!(user.file("pages/ksctl-cluster-fulljoin.1").contains("newnodeconfig"));
}

#[test]
fn the_packet_filter_is_made_without_an_appliance_whatever_the_settings_say() {
    let user = User::new().unwrap().with("KSCTL_TIMEOUT", "nonsense");
    let rules = user
        .run("deploy nftables --members 10.0.0.1,10.0.2.0/24 --rest-port 8443")
        .unwrap();
    assert_eq!((rules.code, rules.err.as_str()), (Some(0), ""));
    assert!(rules.out.contains("elements = { 10.0.0.1, 10.0.2.0/24 }") && rules.out.contains("tcp dport 8443"));

    let open = user.run("deploy nftables").unwrap();
    assert!(open.err.contains("no --members were given"), "{}", open.err);
    let unit = user.run("deploy nftables --unit").unwrap();
    assert!(
        unit.out
            .contains("ExecStart=/usr/sbin/nft -f /etc/keystead/keystead.nft")
    );
    let refused = user.run("deploy nftables --members node-1").unwrap();
    assert_eq!(refused.code, Some(2), "{}", refused.err);
}
