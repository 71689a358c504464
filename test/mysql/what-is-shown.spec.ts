import '../support/cluster/on-mariadb.js';
import '../integration/what-is-shown.spec.js';
