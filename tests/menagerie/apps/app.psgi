# A slow answer, for the servers of Perl. A signal interrupts select(), so it sleeps until the time is over.
use Time::HiRes qw(sleep time);
sub {
    open(my $events, '>>', $ENV{EVENTS}); print $events "work started\n"; close($events);
    my $end = time + $ENV{WORK};
    while ((my $left = $end - time) > 0) { sleep($left) }
    return [200, ['Content-Type' => 'text/plain', 'Content-Length' => 5], ["done\n"]];
};
