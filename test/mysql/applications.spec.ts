import '../support/cluster/on-mariadb.js';
import '../e2e/transports/applications.spec.js';
