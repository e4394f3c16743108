/** What one client may ask of a coordinator. Every limit is per call but for those that say otherwise. */
export interface CoordinatorLimits {
  /** Bytes of a request message, after decompression. Default 1 MiB. */
  readonly requestBytesMax: number;
  /** Bytes of a response message, before compression. Default 4 MiB. */
  readonly responseBytesMax: number;
  /**
   * Milliseconds that a call may take, and the deadline of one that names none. A request must have arrived whole by then
   * too. Default 60 s.
   */
  readonly deadlineMsMax: number;
  /** Milliseconds that a stream of responses may last; the client goes on from its last position. Default 24 h. */
  readonly streamMsMax: number;
  /** Bytes of all headers of a request. Default 16 KiB. */
  readonly headerBytesMax: number;
  /** Calls that one HTTP/2 connection has open at a time. Default 100. */
  readonly streamsPerConnectionMax: number;
  /** Connections of one address at a time. Default 1,000. */
  readonly connectionsPerAddressMax: number;
  /** Calls of one HTTP/2 connection that its client may break off in a second, and as many at once. Default 100. */
  readonly resetsPerSecondMax: number;
  /** Pings and settings of one HTTP/2 connection in a second, and as many at once. Default 1,000. */
  readonly controlFramesPerSecondMax: number;
  /** Milliseconds for the TLS handshake of a connection. Default 10 s. */
  readonly handshakeMs: number;
  /** Milliseconds that an HTTP/1.1 connection may idle between calls. Default 65 s, longer than a usual balancer's 60. */
  readonly keepAliveMs: number;
  /**
   * Between two pings of an HTTP/2 connection; one that leaves a ping unanswered for as long is ended, and a call of it whose
   * answer nobody took any of in that time. Default 30 s.
   */
  readonly pingMs: number;
}

export const DEFAULT_LIMITS: CoordinatorLimits = {
  requestBytesMax: 1024 * 1024,
  responseBytesMax: 4 * 1024 * 1024,
  deadlineMsMax: 60_000,
  streamMsMax: 24 * 3600 * 1000,
  headerBytesMax: 16 * 1024,
  streamsPerConnectionMax: 100,
  connectionsPerAddressMax: 1000,
  resetsPerSecondMax: 100,
  controlFramesPerSecondMax: 1000,
  handshakeMs: 10_000,
  keepAliveMs: 65_000,
  pingMs: 30_000,
};
