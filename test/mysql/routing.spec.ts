import '../support/cluster/on-mariadb.js';
import '../integration/routing.spec.js';
