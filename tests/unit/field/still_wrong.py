"""Cases to which the answer is still wrong, by kind. One that comes right has to go from here: a
test fails as long as it stands."""

from __future__ import annotations

from collections.abc import Mapping

STILL_WRONG: Mapping[str, frozenset[str]] = {
    "K1": frozenset(
        {
            "signer_hangs",
            "a_third_does_not_sign",
            "nobody_connects_as_its_signer",
            "cosigners_have_no_quorum",
            "it_has_not_signed_for_an_hour",
            "vote_extension_is_refused",
            "it_has_the_sign_state_of_another_chain",
        }
    ),
    "K2": frozenset(
        {
            "signs_twice_now",
            "evidence_is_in_a_block",
            "only_the_others_log_it",
            "the_old_words_for_it",
            "it_signs_twice_in_json",
        }
    ),
    "K3": frozenset(
        {
            "upgrade_of_last_month",
            "restarts_two_weeks_ago",
            "halt_height_of_last_month",
            "dead_consensus_of_last_month",
            "another_app_hash_last_month",
            "the_newest_reason_wins",
        }
    ),
    "K4": frozenset(
        {
            "a_proposal_was_refused",
            "a_peer_sent_a_wrong_block",
        }
    ),
    "K5": frozenset(
        {
            "a_store_from_state_sync_is_incomplete",
            "what_the_application_calls_is_down",
            "evidence_was_committed_already",
            "inference_sidecar_is_down",
            "sidecar_does_not_answer_in_time",
            "no_signing_info_in_the_store",
            "a_collection_lacks_a_value",
            "a_contract_file_is_missing",
            "a_rebuilt_store_fails_below_its_sign_state",
        }
    ),
    "K6": frozenset(
        {
            "no_minimum_gas_price",
            "another_app_hash_at_replay",
            "another_results_hash_in_a_halt",
            "a_version_does_not_exist",
            "another_genesis",
            "a_daemon_beside_it_is_unwell",
            "killed_for_memory",
            "genesis_cannot_be_loaded",
            "genesis_document_cannot_be_read",
            "gas_prices_are_invalid",
            "a_flag_is_not_known",
            "the_configuration_is_not_toml",
            "address_is_in_use",
            "another_process_holds_the_database",
            "a_store_has_another_initial_version",
            "a_store_was_not_added_by_the_upgrade",
            "cosmovisor_has_no_program",
            "a_shared_library_is_missing",
            "systemd_finds_no_program",
        }
    ),
    "K7": frozenset(
        {
            "block_sync_stands",
            "the_application_ended_below_its_wrapper",
            "every_peer_is_left_for_its_app_hash",
            "it_rises_and_will_arrive",
        }
    ),
    "K8": frozenset(
        {
            "a_value_is_missing_in_the_store",
            "a_race_of_the_program",
            "all_goroutines_are_asleep",
            "a_table_of_pebble_is_damaged",
            "current_file_of_leveldb_is_damaged",
            "a_block_of_rocksdb_is_damaged",
            "old_form_of_an_address_in_use",
        }
    ),
    "K9": frozenset(
        {
            "open_files_behind_a_dead_consensus",
            "open_files_at_every_start",
            "signer_and_program_do_not_fit",
            "files_of_the_database_are_gone",
            "a_disk_error_behind_a_dead_consensus",
            "open_files_in_json",
        }
    ),
    "K10": frozenset(
        {
            "no_peers_and_a_good_network",
            "the_useful_link_is_cut",
            "a_full_node_alone_has_no_peers",
            "its_peers_do_not_answer",
        }
    ),
    "K11": frozenset(
        {
            "clocks_of_the_majority_are_ahead",
            "clock_of_one_validator_is_off",
            "our_own_clock_is_off",
        }
    ),
    "K12": frozenset(
        {
            "everybody_refuses_the_evidence",
            "the_application_refuses_every_proposal",
            "everybody_refuses_the_block_time",
            "everybody_refuses_in_json",
        }
    ),
    "K13": frozenset(
        {
            "sign_state_above_the_tip",
            "a_minority_signed_above_the_tip",
        }
    ),
    "K14": frozenset(
        {
            "an_upgrade_in_json",
            "a_wrong_block_in_json",
        }
    ),
    "K15": frozenset(
        {
            "a_full_node_without_a_sign_state",
            "a_stopped_full_node_without_a_sign_state",
        }
    ),
    "DOWN": frozenset(
        {
            "a_bad_flag_was_pushed_everywhere",
            "a_bad_setting_was_pushed_everywhere",
            "the_power_was_cut",
        }
    ),
}
