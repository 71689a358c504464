import '../support/cluster/on-mariadb.js';
import '../e2e/transports/providers.spec.js';
