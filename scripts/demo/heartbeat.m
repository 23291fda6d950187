sys = Import('sys');
n = 0;
while (true) {
    n++;
    sys.print('heartbeat ' + n);
    sys.msleep(2000);
}
