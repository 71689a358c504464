import '../support/cluster/on-mariadb.js';
import '../integration/consistency.spec.js';
