/** A geometric row of bounds, as Prometheus writes them. */
function bounds(first: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => String(Number((first * 2 ** i).toPrecision(12))));
}

/** Every shared name is etcd's or gRPC's, with `cabildo` for etcd. */
const NODE = `
  raft_has_leader raft_is_leader raft_is_learner raft_leader_changes_seen_total raft_elections_total
  raft_proposals_committed_total raft_proposals_applied_total raft_proposals_pending raft_proposals_failed_total
  raft_commit_index raft_applied_index raft_term raft_commit_duration_seconds
  raft_heartbeat_send_failures_total raft_slow_apply_total raft_apply_duration_seconds
  raft_slow_read_indexes_total raft_read_indexes_failed_total raft_reads_pending raft_leader_contact_seconds
  raft_log_fsync_duration_seconds raft_log_append_duration_seconds raft_log_append_bytes_total
  raft_peer_connected raft_peer_disconnected_total raft_peer_round_trip_time_seconds
  raft_peer_sent_bytes_total raft_peer_received_bytes_total raft_peer_sent_failures_total
  raft_peer_received_failures_total
  raft_snapshot_send_success_total raft_snapshot_send_failures_total raft_snapshot_send_inflights
  raft_snapshot_send_total_duration_seconds
  raft_snapshot_receive_success_total raft_snapshot_receive_failures_total raft_snapshot_receive_inflights
  raft_snapshot_receive_total_duration_seconds raft_snapshot_apply_in_progress raft_snapshot_bytes_total
  raft_follower_lag_entries raft_follower_match_index raft_follower_next_index raft_follower_inflight_appends
  raft_follower_active raft_follower_state
  storage_batch_commit_duration_seconds storage_db_size_bytes storage_quota_bytes
  outbox_pending outbox_oldest_seconds audit_entries_total audit_unsigned_seconds audit_chain_broken`;
const ROUTER = "router_requests_total router_leader_cache_misses_total router_retries_total";
const FANOUT = `ws_connections ws_subscriptions ws_messages_sent_total ws_bytes_sent_total ws_resumes_total
  ws_backpressure_bytes ws_backpressure_max_bytes ws_behind ws_behind_changes ws_stalls_total ws_caught_up_seconds
  ws_closed_total ws_dropped_clients_total ws_commands_total ws_right_ended_seconds ws_transport
  fanout_commit_to_client_seconds fanout_sequence fanout_feed_failures_total`;
const EVERY = "build_info certificate_expiry_timestamp_seconds";
const GRPC = ["started_total", "handled_total", "handling_seconds", "msg_received_total"]
  .concat("msg_sent_total")
  .map((name) => `grpc_server_${name}`);
const PROCESS = ["process_resident_memory_bytes", "nodejs_eventloop_lag_p99_seconds"];

const ours = (...lists: readonly string[]): readonly string[] =>
  lists.flatMap((list) => list.trim().split(/\s+/u)).map((name) => `cabildo_${name}`);

/** What each kind of process tells, whatever it does. */
export const EXPECTED_METRICS = {
  node: [...ours(NODE, ROUTER, EVERY), ...GRPC, ...PROCESS],
  coordinator: [...ours("auth_logins_total", ROUTER, EVERY), ...GRPC, ...PROCESS],
  fanout: [...ours(FANOUT, ROUTER, EVERY), ...GRPC, ...PROCESS],
} as const;

/** Bounds that a histogram has at least: etcd's, so that dashboards and thresholds made for it fit. */
export const EXPECTED_BOUNDS: Readonly<Record<string, readonly string[]>> = {
  cabildo_raft_log_fsync_duration_seconds: bounds(0.001, 14),
  cabildo_raft_log_append_duration_seconds: bounds(0.001, 14),
  cabildo_storage_batch_commit_duration_seconds: bounds(0.001, 14),
  cabildo_raft_apply_duration_seconds: bounds(0.001, 14),
  cabildo_raft_peer_round_trip_time_seconds: bounds(0.0001, 16),
};
