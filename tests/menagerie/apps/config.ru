# A slow answer, for the servers of Ruby.
run(lambda do |_env|
  File.write(ENV['EVENTS'], "work started\n", mode: 'a')
  sleep ENV['WORK'].to_f
  [200, { 'Content-Type' => 'text/plain', 'Content-Length' => '5' }, ["done\n"]]
end)
