set encoding utf8
set terminal svg noenhanced size 960,480 font 'sans-serif,10' background '#FFFFFF'
set output
set lmargin at screen 0.081250
set rmargin at screen 0.975000
set tmargin at screen 0.833333
set bmargin at screen 0.137500
set border 1 linecolor rgb '#666666'
set tics textcolor rgb '#222222'
set grid ytics linetype 1 linecolor rgb '#E4E4E4'
set style fill solid 1.0 noborder
set key off
set grid back
set label 1 'Messages per day, 2010-09-27 to 2010-10-24' at screen 0.016667, screen 0.954167 left noenhanced font 'sans-serif:Bold,13' textcolor rgb '#222222'
set label 2 '3,096 messages' at screen 0.016667, screen 0.910417 left noenhanced font 'sans-serif,10' textcolor rgb '#666666'
set label 3 'Days are UTC. Raw sums of the traps, not a volume index.' at screen 0.016667, screen 0.029167 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 4 'spamgauge' at screen 0.983333, screen 0.029167 right noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set xrange [0:28]
set xtics nomirror out scale 0.5 ("27 Sep\n2010" 0, "4 Oct" 7, "11 Oct" 14, "18 Oct" 21)
set yrange [0:140]
set ytics nomirror scale 0 ('0' 0, '20' 20, '40' 40, '60' 60, '80' 80, '100' 100, '120' 120, '140' 140)
$ALL << EOD
0 0 132
1 0 132
1 0 137
2 0 137
2 0 129
3 0 129
3 0 137
4 0 137
4 0 102
5 0 102
5 0 122
6 0 122
6 0 111
7 0 111
7 0 119
8 0 119
8 0 117
9 0 117
9 0 118
10 0 118
10 0 112
11 0 112
11 0 116
12 0 116
12 0 115
13 0 115
13 0 118
14 0 118
14 0 116
15 0 116
15 0 0
16 0 0
16 0 0
17 0 0
17 0 112
18 0 112
18 0 110
19 0 110
19 0 112
20 0 112
20 0 116
21 0 116
21 0 111
22 0 111
22 0 114
23 0 114
23 0 113
24 0 113
24 0 117
25 0 117
25 0 115
26 0 115
26 0 117
27 0 117
27 0 110
28 0 110
EOD
$KNOWN << EOD
0 0 101
1 0 101
1 0 107
2 0 107
2 0 95
3 0 95
3 0 106
4 0 106
4 0 75
5 0 75
5 0 90
6 0 90
6 0 82
7 0 82
7 0 83
8 0 83
8 0 85
9 0 85
9 0 82
10 0 82
10 0 83
11 0 83
11 0 85
12 0 85
12 0 84
13 0 84
13 0 89
14 0 89
14 0 83
15 0 83
15 0 0
16 0 0
16 0 0
17 0 0
17 0 80
18 0 80
18 0 77
19 0 77
19 0 83
20 0 83
20 0 79
21 0 79
21 0 79
22 0 79
22 0 85
23 0 85
23 0 83
24 0 83
24 0 85
25 0 85
25 0 80
26 0 80
26 0 82
27 0 82
27 0 80
28 0 80
EOD
set object 1 rectangle from screen 0.081250, screen 0.856250 to screen 0.095833, screen 0.877083 front fillcolor rgb '#0072B2' fillstyle solid noborder
set label 10 'attributed to a botnet' at screen 0.102083, screen 0.866667 left noenhanced font 'sans-serif,10' textcolor rgb '#222222'
set object 2 rectangle from screen 0.279167, screen 0.856250 to screen 0.293750, screen 0.877083 front fillcolor rgb '#C6C6C6' fillstyle solid noborder
set label 11 'unknown' at screen 0.300000, screen 0.866667 left noenhanced font 'sans-serif,10' textcolor rgb '#222222'
plot $ALL using 1:2:3 with filledcurves fillcolor rgb '#C6C6C6', \
  $KNOWN using 1:2:3 with filledcurves fillcolor rgb '#0072B2'
