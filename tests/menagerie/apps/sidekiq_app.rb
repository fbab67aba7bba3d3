# A job of Sidekiq.
class Job
  include Sidekiq::Worker

  def perform
    File.write(ENV['EVENTS'], "work started\n", mode: 'a')
    sleep ENV['WORK'].to_f
    File.write(ENV['EVENTS'], "work finished\n", mode: 'a')
  end
end
