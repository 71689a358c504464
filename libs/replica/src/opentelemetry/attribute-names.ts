/**
 * The names of OpenTelemetry's semantic conventions for databases, as far as they are used here, and of our own attributes.
 * https://opentelemetry.io/docs/specs/semconv/database/
 */
export const SYSTEM = 'db.system.name';
export const NAMESPACE = 'db.namespace';
export const OPERATION = 'db.operation.name';
export const SUMMARY = 'db.query.summary';
export const TEXT = 'db.query.text';
export const COLLECTION = 'db.collection.name';
export const STATUS_CODE = 'db.response.status_code';
export const SERVER_ADDRESS = 'server.address';
export const SERVER_PORT = 'server.port';
export const ERROR_TYPE = 'error.type';
export const POOL_NAME = 'db.client.connection.pool.name';
export const POOL_STATE = 'db.client.connection.state';

export const NODE = 'replica.node';
export const ROLE = 'replica.role';
export const REASON = 'replica.reason';
export const KIND = 'replica.statement.kind';
export const ATTEMPTS = 'replica.attempts';
/** Whether the statement shared a connection with other reads. */
export const LANE = 'replica.lane';
export const OUTCOME = 'replica.outcome';
