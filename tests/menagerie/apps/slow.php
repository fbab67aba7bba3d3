<?php // A slow answer, for PHP-FPM. A signal interrupts usleep(), so it sleeps until the time is over.
file_put_contents(getenv('EVENTS'), "work started\n", FILE_APPEND);
$end = microtime(true) + (float) getenv('WORK');
while (($left = $end - microtime(true)) > 0) usleep((int) (1e6 * $left) + 1);
echo "work done\n";
