<?php // Some work, or 3 s of it.
usleep($_SERVER['REQUEST_URI'] === '/slow' ? 3000000 : 50000);
echo "done\n";
