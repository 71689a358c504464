import '../support/cluster/on-mariadb.js';
import '../integration/sessions/coming-back.spec.js';
