import '../support/cluster/on-mariadb.js';
import '../integration/selection.spec.js';
