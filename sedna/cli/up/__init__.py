"""`sedna up`: a GlobalManager and one LocalController on this machine, everything under one folder.

    sedna.cli.up.command       what the person typed and sees
    sedna.cli.up.configs       gm.yml, lc.yml and kubeconfig of the folder
    sedna.cli.up.children      the two processes: started, watched, stopped
    sedna.cli.up.waiting       until both are ready

For laptops and demos. Hosts run the same two daemons under systemd.
"""
