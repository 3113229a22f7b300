//! The whole boundary between the windows and the shell in one value: what dispatches the commands also
//! writes their TypeScript declarations.

use specta_typescript::{define, semantic::Configuration};
use tauri::Wry;
use tauri_specta::{Builder, ErrorHandlingMode, Events, collect_commands, collect_events};

use crate::{commands as c, events};

#[expect(clippy::too_many_lines, reason = "a list, one command a line")]
pub fn boundary() -> Builder<Wry> {
    Builder::new()
        .commands(collect_commands![
            c::view,
            c::start_embedded,
            c::set_up,
            c::connect,
            c::choose_passphrase,
            c::sign_in,
            c::answer_challenge,
            c::resend_code,
            c::sign_out,
            c::forget_service,
            c::lock,
            c::unlock,
            c::set_passphrase,
            c::events,
            c::event,
            c::count_events,
            c::events_at,
            c::event_position,
            c::event_groups,
            c::event_timeline,
            c::complete,
            c::export_path,
            c::choose_export_path,
            c::export_events,
            c::cancel_export,
            c::saved_views,
            c::save_view,
            c::rename_view,
            c::delete_view,
            c::alerts,
            c::alert,
            c::change_alert,
            c::blocks,
            c::create_block,
            c::lift_block,
            c::accounts,
            c::people::list_accounts,
            c::people::account,
            c::people::preview_import,
            c::people::import_accounts,
            c::people::import_progress,
            c::people::cancel_import,
            c::people::audit,
            c::people::audit_standing,
            c::people::check_audit,
            c::people::trust_audit,
            c::people::admins,
            c::people::admin_access,
            c::people::change_admin,
            c::people::remove_admin,
            c::people::end_sessions,
            c::people::invitations,
            c::people::invite,
            c::people::resend_invitation,
            c::people::revoke_invitation,
            c::people::accept_invitation,
            c::people::api_keys,
            c::people::create_api_key,
            c::people::revoke_api_key,
            c::people::app_passwords,
            c::people::create_app_password,
            c::people::revoke_app_password,
            c::people::web_sessions,
            c::people::end_web_sessions,
            c::people::account_devices,
            c::people::revoke_account_device,
            c::logs::log_desk,
            c::logs::choose_logs,
            c::logs::clear_logs,
            c::logs::import_logs,
            c::logs::cancel_log_import,
            c::people::main_passwords,
            c::people::change_main_password,
            c::second_factors::factor_policy,
            c::second_factors::change_factor_policy,
            c::second_factors::factor_coverage,
            c::second_factors::remind_of_factors,
            c::second_factors::unanswered_codes,
            c::second_factors::reset_factors,
            c::second_factors::reset_account_factors,
            c::preferences,
            c::set_preferences,
            c::pause_notifications,
            c::dismiss_notice,
            c::send_test_mail,
            c::devices::devices,
            c::devices::rename_device,
            c::devices::revoke_device,
            c::devices::end_own_sessions,
            c::devices::reauthenticate,
            c::devices::send_reauthentication_code,
            c::devices::answer_reauthentication,
            c::factors,
            c::enrol_authenticator,
            c::confirm_authenticator,
            c::remove_factor,
            c::renew_recovery_codes,
            c::change_password,
            c::mail_server_snippet,
            c::mail_servers,
            c::service_health,
            c::switch_service,
            c::rename_service,
            c::trust_certificate,
            c::all_alerts,
            c::drafts::open_resource,
            c::drafts::save_edit,
            c::drafts::drafts,
            c::drafts::compare_draft,
            c::drafts::apply_draft,
            c::drafts::discard_draft,
            c::drafts::restore_draft,
            c::policy::policy,
            c::policy::save_policy,
            c::policy::keep_trial,
            c::policy::return_trial,
            c::policy::dry_run,
            c::policy::dry_run_progress,
            c::policy::cancel_dry_run,
            c::policy::decide,
            c::policy::learn,
            c::policy::sending_usage,
            c::policy::sending_networks,
            c::policy::read_networks,
            c::policy::check_terms,
            c::policy::preview_policy_import,
            c::policy::policy_text,
            c::policy::choose_policy_path,
            c::policy::write_policy,
            c::policy::where_from,
            c::policy::place_sources,
            c::policy::notice_settings,
            c::policy::set_notice_settings,
            c::policy::organization,
            c::policy::set_organization,
            c::policy::risk_settings,
            c::policy::set_risk_settings,
            c::policy::account_notices,
            c::policy::set_account_notices,
            c::backups::backups,
            c::backups::begin_backup_job,
            c::backups::cancel_backup_job,
            c::backups::add_backup_target,
            c::backups::change_backup_target,
            c::backups::remove_backup_target,
            c::backups::test_backup_target,
            c::backups::begin_mirror,
            c::backups::change_mirror,
            c::backups::pause_mirror,
            c::backups::resume_mirror,
            c::backups::forget_mirror,
            c::backups::begin_mail_index,
            c::backups::cancel_mail_index,
            c::backups::forget_mail_index,
            c::review::snapshots,
            c::review::mailboxes,
            c::review::mail_folders,
            c::review::messages,
            c::review::message,
            c::review::message_source,
            c::review::save_attachment,
            c::review::snapshot_state,
            c::review::compare_snapshots,
            c::review::search_mail,
            c::review::count_mail,
            c::review::mail_excerpts,
            c::review::item_history,
            c::review::record_preview,
            c::review::put_back_record,
            c::review::export_mail,
            c::review::mail_export_progress,
            c::review::cancel_mail_export,
            c::review::export_state,
            c::review::choose_mail_path,
            c::review::choose_attachment_path,
            c::review::choose_state_path,
        ])
        .events(pushed())
        .constant("riskThresholds", mailcup_console_core::risk_thresholds())
        .error_handling(ErrorHandlingMode::Throw)
        .disable_serde_phases()
        .semantic_types(any_json_is_unknown())
}

fn pushed() -> Events {
    collect_events![events::ViewPushed, events::LocalCopyChanged, events::ExportMoved, events::PageAsked]
}

/// A page takes any JSON value as `unknown` and must look before it uses it.
fn any_json_is_unknown() -> Configuration {
    Configuration::empty().define::<serde_json::Value>(|_| define("unknown").into(), None, None)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use specta_typescript::Typescript;

    use super::boundary;

    /// Fails when the committed declarations are stale; `MAILCUP_WRITE_BINDINGS=1` writes them anew.
    #[test]
    fn the_pages_know_these_commands_events_and_types() {
        let committed = Path::new("ui/src/generated/bindings.ts");
        let folder = tempfile::tempdir().unwrap();
        let fresh = folder.path().join("bindings.ts");
        let header = "/* Generated from src-tauri/boundary.rs; don't edit. To renew: MAILCUP_WRITE_BINDINGS=1 cargo xtask test */\n";
        boundary().export(Typescript::default().header(header), &fresh).unwrap();
        // The pages' own way to the core says for which service a page was drawn.
        let fresh = std::fs::read_to_string(fresh).unwrap();
        let fresh = fresh.replace("\"@tauri-apps/api/core\"", "\"../host/invoke\"");
        if std::env::var_os("MAILCUP_WRITE_BINDINGS").is_some() {
            std::fs::create_dir_all(committed.parent().unwrap()).unwrap();
            std::fs::write(committed, &fresh).unwrap();
        }
        let known = std::fs::read_to_string(committed).unwrap_or_default();
        assert!(
            known == fresh,
            "ui/src/generated/bindings.ts is stale. Renew it: MAILCUP_WRITE_BINDINGS=1 cargo test --workspace \
             --features custom-protocol --lib the_pages_know"
        );
    }
}
