import { Effect, type Effects } from '../../execution/statements/effects.js';

function names(list: string): readonly string[] {
  return list.trim().split(/\s+/);
}

/**
 * Functions of MySQL and MariaDB that change nothing, lock nothing, keep nothing and give the same answer on every connection. Some of them
 * exist only in one of the two, or in some versions.
 * https://dev.mysql.com/doc/refman/8.4/en/built-in-function-reference.html, https://mariadb.com/kb/en/function-and-operator-reference/
 */
const HARMLESS = names(`
  abs acos adddate addtime add_months aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg
  benchmark bin bin_to_uuid bit_and bit_count bit_length bit_or bit_xor
  cast ceil ceiling char char_length character_length charset chr coalesce coercibility collation column_add column_check column_create
  column_delete column_exists column_get column_json column_list compress concat concat_operator_oracle concat_ws conv convert
  convert_tz cos cot count crc32 crc32c cume_dist curdate current_date current_role current_time current_timestamp current_user curtime
  database date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear decode decode_histogram decode_oracle
  degrees dense_rank des_decrypt des_encrypt
  elt encode encrypt exp export_set extract
  field find_in_set first_value floor format format_bytes format_pico_time from_base64 from_days from_unixtime
  get_format greatest group_concat grouping gtid_subset gtid_subtract
  hex hour
  icu_version if ifnull inet_aton inet_ntoa inet4_aton inet4_ntoa inet6_aton inet6_ntoa insert instr interval
  is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isnull
  json_array json_array_append json_array_insert json_array_intersect json_arrayagg json_compact json_contains json_contains_path
  json_depth json_detailed json_equals json_exists json_extract json_insert json_key_value json_keys json_length json_loose json_merge
  json_merge_patch json_merge_preserve json_normalize json_object json_object_filter_keys json_object_to_array json_objectagg
  json_overlaps json_pretty json_query json_quote json_remove json_replace json_schema_valid json_schema_validation_report
  json_search json_set json_storage_free json_storage_size json_table json_type json_unquote json_valid json_value
  kdf
  lag last_day last_value lcase lead least left length lengthb like_range_max like_range_min ln localtime localtimestamp locate log
  log10 log2 lower lpad lpad_oracle ltrim ltrim_oracle
  make_set makedate maketime max md5 median microsecond mid min minute mod month monthname months_between
  name_const natural_sort_key now nth_value ntile nullif nvl nvl2
  oct octet_length old_password ord
  password percent_rank percentile_cont percentile_disc period_add period_diff pi position pow power
  quarter quote
  radians rand random_bytes rank regexp_instr regexp_like regexp_replace regexp_substr repeat replace replace_oracle reverse right
  round row_number rpad rpad_oracle rtrim rtrim_oracle
  schema sec_to_time second session_user sformat sha sha1 sha2 sign sin sleep soundex space sqrt statement_digest
  statement_digest_text std stddev stddev_pop stddev_samp str_to_date strcmp subdate substr substr_oracle substrb substring
  substring_index subtime sum sys_guid sysdate system_user
  tan time time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_char to_date to_days to_number to_seconds
  trim trim_oracle trunc truncate
  ucase uncompress uncompressed_length unhex unix_timestamp upper user utc_date utc_time utc_timestamp uuid uuid_short uuid_to_bin
  uuid_v4 uuid_v7
  validate_password_strength values var_pop var_samp variance vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext
  vec_totext version
  week weekday weekofyear weight_string
  xmltype
  year yearweek
  area asbinary asgeojson astext aswkb aswkt boundary buffer centroid contains convexhull crosses dimension disjoint distance endpoint
  envelope equals exteriorring geohash geomcollfromtext geomcollfromwkb geometrycollection geometrycollectionfromtext
  geometrycollectionfromwkb geometryfromtext geometryfromwkb geometryn geometrytype geomfromtext geomfromwkb glength interiorringn
  intersects isclosed isempty isring issimple linefromtext linefromwkb linestring linestringfromtext linestringfromwkb mbrcontains
  mbrcoveredby mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin mlinefromtext mlinefromwkb
  mpointfromtext mpointfromwkb mpolyfromtext mpolyfromwkb multilinestring multilinestringfromtext multilinestringfromwkb multipoint
  multipointfromtext multipointfromwkb multipolygon multipolygonfromtext multipolygonfromwkb numgeometries numinteriorrings numpoints
  overlaps point pointfromgeohash pointfromtext pointfromwkb pointn pointonsurface polyfromtext polyfromwkb polygon polygonfromtext
  polygonfromwkb srid st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_boundary st_buffer st_buffer_strategy st_centroid
  st_collect st_contains st_convexhull st_crosses st_difference st_dimension st_disjoint st_distance st_distance_sphere st_endpoint
  st_envelope st_equals st_exteriorring st_frechetdistance st_geohash st_geomcollfromtext st_geomcollfromtxt st_geomcollfromwkb
  st_geometrycollectionfromtext st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn st_geometrytype
  st_geomfromgeojson st_geomfromtext st_geomfromwkb st_hausdorffdistance st_interiorringn st_intersection st_intersects st_isclosed
  st_isempty st_isring st_issimple st_isvalid st_latfromgeohash st_latitude st_length st_linefromtext st_linefromwkb
  st_lineinterpolatepoint st_lineinterpolatepoints st_linestringfromtext st_linestringfromwkb st_longfromgeohash st_longitude
  st_makeenvelope st_mlinefromtext st_mlinefromwkb st_mpointfromtext st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb
  st_multilinestringfromtext st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb st_multipolygonfromtext
  st_multipolygonfromwkb st_numgeometries st_numinteriorring st_numinteriorrings st_numpoints st_overlaps st_pointatdistance
  st_pointfromgeohash st_pointfromtext st_pointfromwkb st_pointn st_pointonsurface st_polyfromtext st_polyfromwkb st_polygonfromtext
  st_polygonfromwkb st_relate st_simplify st_srid st_startpoint st_swapxy st_symdifference st_touches st_transform st_union st_validate
  st_within st_x st_y startpoint touches within x y
`);

/**
 * Functions that are more than harmless. DEFAULT(column) may take the next value of a sequence (MariaDB). Waiting for a position works on replicas, too, but says nothing about the node that the next
 * statement reads. `ExtractValue` and `UpdateXML` read user variables that their texts name. Locks belong to one server.
 */
const BY_EFFECT: readonly (readonly [Effects, string])[] = [
  [Effect.knownWrite, 'default nextval setval'],
  [Effect.usesConnection, 'connection_id extractvalue found_rows last_insert_id lastval row_count rownum'],
  [Effect.usesConnection, 'ps_current_thread_id ps_thread_id updatexml'],
  [Effect.changesConnection, 'get_lock release_all_locks release_lock'],
  [
    Effect.primaryOnly,
    'binlog_gtid_pos is_free_lock is_used_lock load_file master_gtid_wait master_pos_wait',
  ],
  [
    Effect.primaryOnly,
    'roles_graphml source_pos_wait wait_for_executed_gtid_set wait_until_sql_thread_after_gtids',
  ],
  [Effect.primaryOnly, 'wsrep_last_seen_gtid wsrep_last_written_gtid wsrep_sync_wait_upto_gtid'],
];

function index(): ReadonlyMap<string, Effects> {
  const effects = new Map<string, Effects>();
  for (const name of HARMLESS) effects.set(name, Effect.none);
  for (const [effect, list] of BY_EFFECT) for (const name of names(list)) effects.set(name, effect);
  return effects;
}

/** What the built-in functions do, by their names in lower case. Any other one may do anything. */
export const NATIVE_FUNCTIONS: ReadonlyMap<string, Effects> = index();

/**
 * Words before a parenthesis that call nothing, unless the user has created a function of that name: types with their lengths, and parts
 * of the grammar that are no reserved words.
 */
export const NOT_CALLS: ReadonlySet<string> = new Set(
  names(`
    against all and any as asc between binary bit blob by case cast character collate columns cross cube datetime dec decimal desc
    distinct distinctrow div double else end escape except exists fixed float for from group groups having in index inner int integer
    intersect interval into is join json key lateral like limit longblob longtext match materialized mediumblob mediumint mediumtext
    member minus national natural nchar nested not numeric nvarchar of offset on or order outer over partition path precision range
    real recursive regexp returning rlike rollup row rows select separator signed smallint some sounds straight_join sets text then tinyblob
    tinyint tinytext to union unsigned using values varbinary varchar vector when where window with xor bigint
  `),
);
