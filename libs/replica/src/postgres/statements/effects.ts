import { Effect, type Effects } from '../../execution/statements/effects.js';

function names(list: string): readonly string[] {
  return list.trim().split(/\s+/);
}

/**
 * Volatile functions of `pg_catalog` that any node may run. They change nothing, and if they describe a node, it is the one that
 * answers. A user's volatile function of the same name overrides this.
 * Manual: 9.9.5, 9.14, 9.26, 9.28 (recovery information, object sizes).
 */
export const HARMLESS_VOLATILE: readonly string[] = names(`
  current_query random random_normal clock_timestamp timeofday gen_random_uuid uuidv4 uuidv7 array_sample array_shuffle
  pg_sleep pg_sleep_for pg_sleep_until bernoulli system
  pg_relation_size pg_table_size pg_indexes_size pg_total_relation_size pg_database_size pg_tablespace_size
  pg_partition_tree pg_partition_ancestors pg_collation_actual_version pg_database_collation_actual_version
  pg_is_in_recovery pg_is_wal_replay_paused pg_get_wal_replay_pause_state pg_last_wal_receive_lsn
  pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_jit_available
`);

/** Volatile functions that change nothing, by the extension that must own them. */
export const HARMLESS_OF_EXTENSIONS: Readonly<Record<string, readonly string[]>> = {
  'uuid-ossp': names('uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4'),
  pgcrypto: names(
    'gen_random_uuid gen_random_bytes gen_salt pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt pgp_pub_encrypt_bytea',
  ),
  tablefunc: names('normal_rand'),
};

/**
 * What a call does by its name, whatever the catalog says. Some of these functions are labelled stable or even immutable, and yet they
 *
 * - fail on a standby,
 * - assign a transaction id,
 * - run SQL that is given as text or names a relation in a text (`crosstab('SELECT ...')`, `table_to_xml('view')`),
 * - or convert to a type that is given as a value (`record_in`).
 *
 * Manual: 9.17, 9.15, 9.27, 9.28, 27.4.2 (what recovery refuses), F.
 */
const BY_EFFECT: readonly (readonly [Effects, string])[] = [
  [Effect.knownWrite, 'nextval setval'],
  [Effect.notifies, 'pg_notify'],
  [
    Effect.usesConnection,
    `currval lastval pg_backend_pid pg_listening_channels pg_cursor pg_prepared_statement pg_stat_clear_snapshot
    pg_stat_force_next_flush`,
  ],
  [
    Effect.changesConnection,
    `set_config setseed set_limit pg_advisory_lock pg_advisory_lock_shared pg_try_advisory_lock
    pg_try_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_unlock_all
    pg_replication_origin_session_setup pg_replication_origin_session_reset pg_replication_origin_xact_setup`,
  ],
  [
    Effect.changesConnection | Effect.writes,
    'dblink_connect dblink_connect_u dblink_disconnect dblink_open dblink_close dblink_send_query',
  ],
  [
    Effect.usesConnection | Effect.writes,
    'dblink dblink_exec dblink_fetch dblink_get_result lo_open lo_close loread lowrite',
  ],
  [
    Effect.primaryOnly,
    `pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
    txid_current txid_current_if_assigned txid_current_snapshot txid_status pg_current_xact_id
    pg_current_xact_id_if_assigned pg_current_snapshot pg_xact_status pg_current_wal_lsn pg_current_wal_insert_lsn
    pg_current_wal_flush_lsn pg_walfile_name pg_walfile_name_offset pg_last_committed_xact pg_xact_commit_timestamp
    pg_xact_commit_timestamp_origin pg_export_snapshot pg_sequence_last_value pg_get_sequence_data pg_blocking_pids
    pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked pg_lock_status pg_prepared_xact
    pg_notification_queue_usage pg_get_replication_slots pg_show_replication_origin_status pg_replication_origin_oid
    pg_replication_origin_progress pg_control_checkpoint pg_control_system pg_control_init pg_control_recovery`,
  ],
  [
    Effect.writes,
    `table_to_xml table_to_xml_and_xmlschema schema_to_xml schema_to_xml_and_xmlschema database_to_xml
    database_to_xml_and_xmlschema query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml
    cursor_to_xmlschema ts_stat pg_input_is_valid pg_input_error_info array_in array_recv domain_in domain_recv
    multirange_in multirange_recv range_in range_recv record_in record_recv crosstab crosstab2 crosstab3 crosstab4
    crosstabn connectby xpath_table`,
  ],
];

/** The functions that have an effect whatever the catalog says. */
export const FIXED_EFFECTS: ReadonlyMap<string, Effects> = new Map(
  BY_EFFECT.flatMap(([effect, list]) => names(list).map((name) => [name, effect])),
);

/** Each node has its own statistics: a replica counts its own scans and no inserts (manual, 27.2). */
export const NODE_STATISTICS = '^pg_stat(io)?_';
const STATISTICS = new RegExp(NODE_STATISTICS);

/** The effects of a call by the pattern of its name. {@link FIXED_EFFECTS} lists the others. */
export function effectsOfName(name: string): Effects {
  return STATISTICS.test(name) ? Effect.primaryOnly : Effect.none;
}

/** Views of `pg_catalog` that describe one node or one session and nothing that is replicated. */
export const NODE_RELATIONS: readonly string[] = names(`
  pg_locks pg_cursors pg_prepared_statements pg_prepared_xacts pg_replication_slots pg_replication_origin_status
  pg_sequences pg_sequence pg_wait_events pg_backend_memory_contexts pg_shmem_allocations pg_shmem_allocations_numa pg_aios
`);
const OF_ONE_NODE: ReadonlySet<string> = new Set(NODE_RELATIONS);

/** The effects of reading a relation of `pg_catalog`. Only the primary gives the true answer for some. */
export function relationEffects(name: string): Effects {
  return OF_ONE_NODE.has(name) || STATISTICS.test(name) ? Effect.primaryOnly : Effect.none;
}

/**
 * Built-in functions that count as harmless before any catalog is loaded: those of everyday queries and of TypeORM's start-up. The
 * loaded catalog finds a user's function of the same name.
 */
export const EVERYDAY: readonly string[] = names(`
  abs acos age any_value array_agg array_append array_cat array_dims array_length array_lower array_ndims array_position
  array_positions array_prepend array_remove array_replace array_reverse array_sort array_to_json array_to_string array_upper
  ascii asin atan atan2 avg bit_and bit_count bit_length bit_or bool_and bool_or btrim cardinality cbrt ceil ceiling
  char_length character_length chr col_description concat concat_ws corr cos cot count covar_pop covar_samp cume_dist
  current_database current_schema current_schemas current_setting date date_add date_bin date_part date_subtract date_trunc
  decode degrees dense_rank div encode enum_first enum_last enum_range every exp factorial first_value floor format format_type
  gcd generate_series generate_subscripts get_bit get_byte has_column_privilege has_database_privilege
  has_schema_privilege has_table_privilege host inet_client_addr inet_client_port inet_server_addr inet_server_port initcap
  isempty isfinite json_agg json_array_elements json_array_elements_text json_array_length json_build_array json_build_object
  json_each json_each_text json_extract_path json_extract_path_text json_object_agg json_object_keys json_populate_record
  json_populate_recordset json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_agg jsonb_array_elements
  jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
  jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object_agg jsonb_object_keys jsonb_path_exists
  jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_populate_record
  jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof
  justify_days justify_hours justify_interval lag last_value lcm lead left length ln log log10 lower lower_inc lower_inf lpad
  ltrim make_date make_interval make_time make_timestamp make_timestamptz masklen max md5 min mod mode netmask network now
  nth_value ntile num_nonnulls num_nulls numnode obj_description octet_length percent_rank percentile_cont percentile_disc
  pg_char_to_encoding pg_client_encoding pg_column_size pg_conf_load_time pg_describe_object pg_encoding_to_char
  pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_function_arguments pg_get_function_identity_arguments
  pg_get_function_result pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_partkeydef pg_get_ruledef
  pg_get_serial_sequence pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_partition_root
  pg_postmaster_start_time pg_size_bytes pg_size_pretty pg_table_is_visible pg_type_is_visible pg_typeof pg_wal_lsn_diff
  phraseto_tsquery pi plainto_tsquery power quote_ident quote_literal quote_nullable radians range_agg range_merge rank
  regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
  regexp_split_to_table regexp_substr repeat replace reverse right round row_number row_to_json rpad rtrim scale setweight
  sha224 sha256 sha384 sha512 shobj_description sign sin split_part sqrt starts_with statement_timestamp stddev stddev_pop
  stddev_samp string_agg string_to_array string_to_table strip strpos substr sum tan text to_char to_date to_hex to_json
  to_jsonb to_number to_regclass to_regproc to_regtype to_timestamp to_tsquery to_tsvector transaction_timestamp translate
  trunc ts_headline ts_rank ts_rank_cd tsvector_to_array unnest upper upper_inc upper_inf var_pop var_samp variance version
  websearch_to_tsquery width_bucket
`);
